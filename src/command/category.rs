//! The ACL categories of a command: named in its row, or implied by its flags and its group.

use super::spec::{CommandSpec, Flags};
use crate::acl::CATEGORIES;

impl CommandSpec {
    /// The categories, in the order of [`CATEGORIES`].
    pub fn acl_categories(&self) -> impl Iterator<Item = &'static str> + Clone {
        CATEGORIES.iter().copied().filter(|category| self.is_in_category(category))
    }

    /// Whether the command is in this category, which is named with its `@`.
    pub fn is_in_category(&self, category: &str) -> bool {
        let flags = self.flags;
        let is_implied = match category {
            "@write" => flags.has(Flags::WRITE),
            // A script reads what its commands read.
            "@read" => flags.has(Flags::READONLY) && self.group.category() != Some("@scripting"),
            "@pubsub" => flags.has(Flags::PUBSUB),
            "@admin" => flags.has(Flags::ADMIN),
            "@dangerous" => flags.any(Flags::ADMIN.or(Flags::DANGEROUS)),
            "@blocking" => flags.has(Flags::BLOCKING),
            "@fast" => flags.has(Flags::FAST),
            "@slow" => !flags.has(Flags::FAST),
            _ => self.group.category() == Some(category),
        };
        is_implied || self.categories.contains(&category)
    }
}
