//! One match: from a place in the subject along the pattern, back to the last choice on failure.

use super::class::{Single, set_matches};
use super::{CAPTURES_MAX, CHOICES_MAX, Capture, Choice, Extent, Matcher, Problem, STEPS, Workspace};

/// The single that the first byte of every match of `pattern` is matched with, if there is one and it is not any byte.
pub(super) fn lead(pattern: &[u8]) -> Option<Single<'_>> {
    // A capture takes no byte; a second one could be one too many, which is for the match to find out.
    let item = usize::from(byte_at(pattern, 0) == b'(');
    match byte_at(pattern, item) {
        0 | b'(' | b')' | b'.' | b'$' => return None,
        b'%' if matches!(byte_at(pattern, item + 1), b'b' | b'f' | b'0'..=b'9') => return None,
        _ => {}
    }
    let end = single_end(pattern, item).ok()?;
    let is_certain = !matches!(byte_at(pattern, end), b'*' | b'?' | b'-');
    is_certain.then(|| Single::of(&pattern[item..end]))
}

/// The byte at `index` of a pattern; 0, which ends one, behind its last.
#[inline]
fn byte_at(pattern: &[u8], index: usize) -> u8 {
    pattern.get(index).copied().unwrap_or(0)
}

impl<'a> Matcher<'a> {
    /// The end of the match that begins at `start`.
    pub(super) fn match_at(&mut self, start: usize, work: &mut Workspace) -> Result<Option<usize>, Problem> {
        let (subject, pattern) = (self.subject, self.pattern);
        work.level = 0;
        work.choices.clear();
        let (mut at, mut item) = (start, 0);
        loop {
            self.spend(1)?;
            let byte = byte_at(pattern, item);
            let after = byte_at(pattern, item + 1);
            let went_on = match (byte, after) {
                (0, _) => return Ok(Some(at)),
                (b'(', _) => {
                    let is_position = after == b')';
                    work.open(at, if is_position { Extent::Position } else { Extent::Open })?;
                    work.push(Choice::Opened)?;
                    item += 1 + usize::from(is_position);
                    true
                }
                (b')', _) => {
                    let index = work.close(at)?;
                    work.push(Choice::Closed { index })?;
                    item += 1;
                    true
                }
                (b'$', 0) => {
                    item += 1;
                    at == subject.len()
                }
                (b'%', b'b') => match self.balance(at, item + 2)? {
                    Some(end) => {
                        at = end;
                        item += 4;
                        true
                    }
                    None => false,
                },
                (b'%', b'f') => {
                    if byte_at(pattern, item + 2) != b'[' {
                        return Err(Problem::FrontierWithoutSet);
                    }
                    let end = single_end(pattern, item + 2)?;
                    let set = &pattern[item + 3..end];
                    self.spend(2 * set.len())?;
                    let before = if at == 0 { 0 } else { subject[at - 1] };
                    let here = subject.get(at).copied().unwrap_or(0);
                    item = end;
                    !set_matches(before, set) && set_matches(here, set)
                }
                (b'%', digit @ b'0'..=b'9') => match self.back_reference(at, digit, work)? {
                    Some(end) => {
                        at = end;
                        item += 2;
                        true
                    }
                    None => false,
                },
                _ => {
                    let end = single_end(pattern, item)?;
                    if byte == b'[' {
                        self.spend(end - item)?;
                    }
                    let single = Single::of(&pattern[item..end]);
                    match byte_at(pattern, end) {
                        b'?' => {
                            if self.one(single, at)? {
                                work.push(Choice::Skip { item: end as u32 + 1, at: at as u32 })?;
                                at += 1;
                            }
                            item = end + 1;
                            true
                        }
                        repeat @ (b'*' | b'+') => {
                            let run = self.run_of(single, at)?;
                            let least = at + usize::from(repeat == b'+');
                            at += run;
                            item = end + 1;
                            if at >= least && byte_at(pattern, item) == 0 {
                                return Ok(Some(at));
                            }
                            if at > least {
                                let (item, at, least) = (item as u32, at as u32, least as u32);
                                work.push(Choice::Fewer { item, at, least })?;
                            }
                            at >= least
                        }
                        b'-' => {
                            work.push(Choice::More { item: item as u32, end: end as u32, at: at as u32 })?;
                            item = end + 1;
                            true
                        }
                        _ => {
                            let matches = self.one(single, at)?;
                            at += 1;
                            item = end;
                            matches
                        }
                    }
                }
            };
            if !went_on {
                match self.go_back(work)? {
                    Some(place) => (at, item) = place,
                    None => return Ok(None),
                }
            }
        }
    }

    /// Undoes up to the last choice that has another way, and answers where that goes on.
    fn go_back(&mut self, work: &mut Workspace) -> Result<Option<(usize, usize)>, Problem> {
        loop {
            self.spend(1)?;
            let Some(choice) = work.choices.last_mut() else { return Ok(None) };
            match choice {
                Choice::Fewer { item, at, least } => {
                    *at -= 1;
                    let place = (*at as usize, *item as usize);
                    if at <= least {
                        work.choices.pop();
                    }
                    return Ok(Some(place));
                }
                Choice::More { item, end, at } => {
                    let (from, to, here) = (*item as usize, *end as usize, *at as usize);
                    *at += 1;
                    let single = Single::of(&self.pattern[from..to]);
                    if self.one(single, here)? {
                        return Ok(Some((here + 1, to + 1)));
                    }
                }
                Choice::Skip { item, at } => {
                    let place = (*at as usize, *item as usize);
                    work.choices.pop();
                    return Ok(Some(place));
                }
                Choice::Opened => work.level -= 1,
                Choice::Closed { index } => work.captures[*index as usize].extent = Extent::Open,
            }
            work.choices.pop();
        }
    }

    /// Counts steps, and asks whether to go on when they are many.
    #[inline]
    pub(in crate::script) fn spend(&mut self, steps: usize) -> Result<(), Problem> {
        if steps >= self.steps {
            self.steps = STEPS;
            return if (self.go_on)() { Ok(()) } else { Err(Problem::Halted) };
        }
        self.steps -= steps;
        Ok(())
    }

    /// Whether there is a byte at `at` that the single matches.
    #[inline]
    fn one(&mut self, single: Single<'_>, at: usize) -> Result<bool, Problem> {
        if let Single::Set(set) = single {
            self.spend(set.len())?;
        }
        Ok(self.subject.get(at).is_some_and(|byte| single.matches(*byte)))
    }

    /// Where the next byte is that the single matches, at `at` or later.
    pub(super) fn find_single(&mut self, single: Single<'_>, at: usize) -> Result<Option<usize>, Problem> {
        let rest = &self.subject[at..];
        if let Single::Byte(byte) = single {
            return Ok(memchr::memchr(byte, rest).map(|skipped| at + skipped));
        }
        let cost = single.cost();
        let mut skipped = 0;
        for piece in rest.chunks((STEPS / cost).max(1)) {
            if let Some(found) = piece.iter().position(|byte| single.matches(*byte)) {
                self.spend(cost * (found + 1))?;
                return Ok(Some(at + skipped + found));
            }
            self.spend(cost * piece.len())?;
            skipped += piece.len();
        }
        Ok(None)
    }

    /// How many bytes from `at` on the single matches.
    fn run_of(&mut self, single: Single<'_>, at: usize) -> Result<usize, Problem> {
        let rest = &self.subject[at..];
        let cost = single.cost();
        let mut run = 0;
        for piece in rest.chunks((STEPS / cost).max(1)) {
            let matched = single.run(piece);
            run += matched;
            self.spend(cost * (matched + 1))?;
            if matched < piece.len() {
                break;
            }
        }
        Ok(run)
    }

    /// The end of what is the same as the capture that `digit` names.
    fn back_reference(&mut self, at: usize, digit: u8, work: &Workspace) -> Result<Option<usize>, Problem> {
        let index = usize::from(digit).checked_sub(usize::from(b'1')).filter(|index| *index < work.level);
        let Capture { start, extent } = work.captures[index.ok_or(Problem::NoSuchCapture)?];
        match extent {
            Extent::Open => Err(Problem::NoSuchCapture),
            // The original takes a position for a capture too long to be found.
            Extent::Position => Ok(None),
            Extent::Len(len) => {
                self.spend(len as usize / 16)?;
                let captured = &self.subject[start as usize..][..len as usize];
                Ok(self.subject[at..].starts_with(captured).then_some(at + captured.len()))
            }
        }
    }

    /// The end of a balanced part that begins at `at`; its two bytes stand at `item` of the pattern.
    fn balance(&mut self, at: usize, item: usize) -> Result<Option<usize>, Problem> {
        let (open, close) = (byte_at(self.pattern, item), byte_at(self.pattern, item + 1));
        if open == 0 || close == 0 {
            return Err(Problem::BalanceWithoutPair);
        }

        if self.subject.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        let mut from = at + 1;
        for piece in self.subject[from..].chunks(STEPS) {
            for (index, byte) in piece.iter().enumerate() {
                if *byte == close {
                    depth -= 1;
                    if depth == 0 {
                        self.spend(index)?;
                        return Ok(Some(from + index + 1));
                    }
                } else if *byte == open {
                    depth += 1;
                }
            }
            self.spend(piece.len())?;
            from += piece.len();
        }
        Ok(None)
    }
}

impl Workspace {
    fn open(&mut self, at: usize, extent: Extent) -> Result<(), Problem> {
        if self.level == CAPTURES_MAX {
            return Err(Problem::CapturesTooMany);
        }
        self.captures[self.level] = Capture { start: at as u32, extent };
        self.level += 1;
        Ok(())
    }

    /// Closes the innermost open capture.
    fn close(&mut self, at: usize) -> Result<u32, Problem> {
        let open = self.captures[..self.level].iter().rposition(|capture| capture.extent == Extent::Open);
        let index = open.ok_or(Problem::NothingToClose)?;
        let capture = &mut self.captures[index];
        capture.extent = Extent::Len(at as u32 - capture.start);
        Ok(index as u32)
    }

    #[inline]
    fn push(&mut self, choice: Choice) -> Result<(), Problem> {
        if self.choices.len() == CHOICES_MAX {
            return Err(Problem::TooComplex);
        }
        self.choices.push(choice);
        Ok(())
    }
}

/// Where the single that begins at `item` ends.
#[inline]
fn single_end(pattern: &[u8], item: usize) -> Result<usize, Problem> {
    match pattern[item] {
        b'%' if byte_at(pattern, item + 1) == 0 => Err(Problem::EscapeAtEnd),
        b'%' => Ok(item + 2),
        b'[' => set_end(pattern, item),
        _ => Ok(item + 1),
    }
}

#[inline]
fn set_end(pattern: &[u8], item: usize) -> Result<usize, Problem> {
    let mut at = item + 1;
    if byte_at(pattern, at) == b'^' {
        at += 1;
    }
    // The first byte never ends the set.
    loop {
        let byte = byte_at(pattern, at);
        if byte == 0 {
            return Err(Problem::SetWithoutEnd);
        }
        at += 1;
        if byte == b'%' && byte_at(pattern, at) != 0 {
            at += 1;
        }
        if byte_at(pattern, at) == b']' {
            return Ok(at + 1);
        }
    }
}
