//! What a search asks for: the arguments of GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS forms.

use super::look::place_of;
use super::terms;
use crate::base::num;
use crate::command::args::is_word;
use crate::command::{Args, CommandError};
use crate::data::geo::{Extent, Point, Shape};
use crate::data::zset::ZSet;

const NO_PLACE: CommandError = CommandError::text("ERR could not decode requested zset member");
const NO_RADIUS: CommandError = CommandError::text("ERR need numeric radius");
const NEGATIVE_RADIUS: CommandError = CommandError::text("ERR radius cannot be negative");
const NO_WIDTH: CommandError = CommandError::text("ERR need numeric width");
const NO_HEIGHT: CommandError = CommandError::text("ERR need numeric height");
const NEGATIVE_BOX: CommandError = CommandError::text("ERR height or width cannot be negative");
const NO_COUNT: CommandError = CommandError::text("ERR COUNT must be > 0");
const ANY_WITHOUT_COUNT: CommandError = CommandError::text("ERR the ANY argument requires COUNT argument");
const SEARCH_STORES_SCORES: CommandError =
    CommandError::text("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
const RADIUS_STORES_SCORES: CommandError =
    CommandError::text("ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options");

/// Where a command says what is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS: a place and a radius behind the key.
    Radius,
    /// GEORADIUSBYMEMBER: a member and a radius behind the key.
    RadiusByMember,
    /// GEOSEARCH: options only.
    Search,
    /// GEOSEARCHSTORE: as GEOSEARCH, behind another key.
    SearchStore,
}

impl Form {
    fn is_radius(self) -> bool {
        matches!(self, Form::Radius | Form::RadiusByMember)
    }

    /// The index of the key that is searched.
    pub(super) fn source(self) -> usize {
        if self == Form::SearchStore { 2 } else { 1 }
    }
}

/// By distance from the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    NearestFirst,
    FarthestFirst,
}

/// A search as a request describes it.
#[derive(Debug)]
pub(super) struct Query<'a> {
    /// What is searched; none if that is around a member of a key that is missing.
    pub(super) shape: Option<Shape>,
    /// The metres of the unit in which distances are given.
    pub(super) unit: f64,
    /// None: as they are found.
    pub(super) order: Option<Order>,
    /// The most members that are given.
    pub(super) count: Option<usize>,
    /// Whether any of them will do, so that the search may end early.
    pub(super) any: bool,
    pub(super) with_distance: bool,
    pub(super) with_score: bool,
    pub(super) with_place: bool,
    /// The key that gets the result.
    pub(super) store: Option<&'a [u8]>,
    /// Whether distances are stored as scores, not places.
    pub(super) store_distance: bool,
}

/// Around what.
#[derive(Clone, Copy, PartialEq)]
enum Centre {
    Member(Option<Point>),
    Place(Point),
}

impl<'a> Query<'a> {
    /// Reads it. `set` is what will be searched; `may_store` says whether a GEORADIUS form may.
    pub(super) fn parse(args: Args<'a>, form: Form, may_store: bool, set: Option<&ZSet>) -> Result<Self, CommandError> {
        let mut query = Self::new(if form == Form::SearchStore { args.get(1) } else { None });
        let around = |member: &[u8]| match set {
            None => Ok(Centre::Member(None)),
            Some(set) => place_of(set, member).map(|place| Centre::Member(Some(place))).ok_or(NO_PLACE),
        };
        let (mut centre, mut extent, mut index) = (None, None, form.source() + 1);
        match form {
            Form::Radius => {
                centre = Some(Centre::Place(terms::point(args, 2)?));
                extent = Some(query.radius(args, 4)?);
                index = 6;
            }
            Form::RadiusByMember => {
                centre = Some(around(&args[2])?);
                // Without a set the radius is not even read.
                extent = Some(if set.is_some() { query.radius(args, 3)? } else { Extent::Radius(0.0) });
                index = 5;
            }
            Form::Search | Form::SearchStore => {}
        }
        while let Some(word) = args.get(index) {
            let left = args.len() - index - 1;
            if query.take_word(word, form) {
                index += 1;
            } else if is_word(word, "COUNT") && left >= 1 {
                let count = args.integer(index + 1)?;
                query.count = Some(usize::try_from(count).ok().filter(|count| *count > 0).ok_or(NO_COUNT)?);
                index += 2;
            } else if form.is_radius() && may_store && left >= 1 && is_store(word) {
                (query.store, query.store_distance) = (args.get(index + 1), is_word(word, "STOREDIST"));
                index += 2;
            } else if form.is_radius() {
                return Err(CommandError::Syntax);
            } else if is_word(word, "FROMMEMBER") && left >= 1 && !matches!(centre, Some(Centre::Place(_))) {
                centre = Some(around(&args[index + 1])?);
                index += 2;
            } else if is_word(word, "FROMLONLAT") && left >= 2 && !matches!(centre, Some(Centre::Member(_))) {
                centre = Some(Centre::Place(terms::point(args, index + 1)?));
                index += 3;
            } else if is_word(word, "BYRADIUS") && left >= 2 && !matches!(extent, Some(Extent::Box { .. })) {
                extent = Some(query.radius(args, index + 1)?);
                index += 3;
            } else if is_word(word, "BYBOX") && left >= 3 && !matches!(extent, Some(Extent::Radius(_))) {
                extent = Some(query.sides(args, index + 1)?);
                index += 4;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        query.check(args, form, centre.is_some(), extent.is_some())?;
        if let (Some(Centre::Place(centre) | Centre::Member(Some(centre))), Some(extent)) = (centre, extent) {
            query.shape = Some(Shape { centre, extent });
        }
        Ok(query)
    }

    fn new(store: Option<&'a [u8]>) -> Self {
        Self {
            shape: None,
            unit: 1.0,
            order: None,
            count: None,
            any: false,
            with_distance: false,
            with_score: false,
            with_place: false,
            store,
            store_distance: false,
        }
    }

    /// Takes an option of one word; false if it is none.
    fn take_word(&mut self, word: &[u8], form: Form) -> bool {
        match word {
            _ if is_word(word, "WITHDIST") => self.with_distance = true,
            _ if is_word(word, "WITHHASH") => self.with_score = true,
            _ if is_word(word, "WITHCOORD") => self.with_place = true,
            _ if is_word(word, "ANY") => self.any = true,
            _ if is_word(word, "ASC") => self.order = Some(Order::NearestFirst),
            _ if is_word(word, "DESC") => self.order = Some(Order::FarthestFirst),
            _ if form == Form::SearchStore && is_word(word, "STOREDIST") => self.store_distance = true,
            _ => return false,
        }
        true
    }

    /// Reads a radius and its unit.
    fn radius(&mut self, args: Args, index: usize) -> Result<Extent, CommandError> {
        let radius = num::parse_f64(&args[index]).ok_or(NO_RADIUS)?;
        if radius < 0.0 {
            return Err(NEGATIVE_RADIUS);
        }
        self.unit = terms::unit(args, index + 1)?;
        Ok(Extent::Radius(radius * self.unit))
    }

    /// Reads a width, a height and their unit.
    fn sides(&mut self, args: Args, index: usize) -> Result<Extent, CommandError> {
        let width = num::parse_f64(&args[index]).ok_or(NO_WIDTH)?;
        let height = num::parse_f64(&args[index + 1]).ok_or(NO_HEIGHT)?;
        if width < 0.0 || height < 0.0 {
            return Err(NEGATIVE_BOX);
        }
        self.unit = terms::unit(args, index + 2)?;
        Ok(Extent::Box { width: width * self.unit, height: height * self.unit })
    }

    /// What options cannot say alone.
    fn check(&self, args: Args, form: Form, has_centre: bool, has_extent: bool) -> Result<(), CommandError> {
        let lacks = |what| Err(CommandError::repeating(what, &args[0], ""));
        if self.store.is_some() && (self.with_distance || self.with_score || self.with_place) {
            return Err(if form.is_radius() { RADIUS_STORES_SCORES } else { SEARCH_STORES_SCORES });
        }
        if !has_centre {
            return lacks("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ");
        }
        if !has_extent {
            return lacks("ERR exactly one of BYRADIUS and BYBOX can be specified for ");
        }
        if self.any && self.count.is_none() { Err(ANY_WITHOUT_COUNT) } else { Ok(()) }
    }
}

fn is_store(word: &[u8]) -> bool {
    is_word(word, "STORE") || is_word(word, "STOREDIST")
}

/// Whether a GEORADIUS form says more than once where to store: the last counts, and COMMAND GETKEYS names the first.
pub(super) fn stores_twice(argv: &[&[u8]]) -> bool {
    argv.iter().skip(5).filter(|word| is_store(word)).count() > 1
}
