//! What a table holds: handles of one pointer to something reference-counted that has a key.
#![expect(unsafe_code, reason = "a table keeps 48 bits of each item's pointer and lends the item from them")]

use std::ptr::NonNull;

// What is declared here is used by the table's files; each implementation says in a SAFETY comment why it keeps the promises.

/// A thin, reference-counted handle: something that a table can hold.
///
/// A table keeps the pointer alone, so an item costs it 8 bytes. Clones of a table share its items; who changes one through `&mut self`
/// copies it first if it is shared (as `Arc::make_mut` does).
///
/// # Safety
/// - `into_ptr` gives up the handle and `from_ptr` of the same pointer takes it back; neither changes the item.
/// - The pointer is aligned to 8 or more, its address has at most 48 bits, and it stays as it is until the handle is changed through `&mut self` or dropped.
/// - `lend` of a pointer whose handle is alive yields a view that is valid as long as the handle is neither changed nor dropped.
/// - `clone` adds a reference, and is as valid from several threads at once as the type being `Sync` says. It may yield another pointer, to an equal item.
/// - `clone`, `lend`, `key` and `key_hash` do not panic. A drop does not use the table that the item was in.
pub unsafe trait Item: Clone + 'static {
    /// What an item is lent as: a small view whose accessors yield `&'a` data.
    type Ref<'a>: Copy
    where
        Self: 'a;

    /// The handle as a pointer, which owns what the handle did.
    fn into_ptr(self) -> NonNull<u8>;

    /// The handle of a pointer.
    ///
    /// # Safety
    /// The pointer came from [`Item::into_ptr`] of this type, and the handle that it stands for has not been taken back.
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self;

    /// A view of the item behind a pointer.
    ///
    /// # Safety
    /// The pointer came from [`Item::into_ptr`] of this type, and its handle is neither changed nor dropped during `'a`.
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> Self::Ref<'a>;

    /// The key, unique in its table. It does not change while the item is in one.
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8];

    /// The hash under which the item is filed: that of its key. An item that keeps its hash may return it instead of hashing again.
    #[inline]
    fn key_hash(item: Self::Ref<'_>) -> u64 {
        crate::base::hash::hash(Self::key(item))
    }
}
