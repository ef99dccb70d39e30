//! One match: from a place in the subject along the pattern, back to the last choice on failure.

use super::class::{Single, set_matches};
use super::{CAPTURES_MAX, CHOICES_MAX, Capture, Choice, Choices, Extent, Matcher, Problem, STEPS};

/// The byte that every match of `pattern` begins with, if it is a certain one.
pub(super) fn first_byte(pattern: &[u8]) -> Option<u8> {
    let (byte, after) = match *pattern {
        [b'%', byte, ref after @ ..] if byte.is_ascii_punctuation() => (byte, after),
        [b'(' | b')' | b'.' | b'[' | b'%' | b'$', ..] | [] => return None,
        [byte, ref after @ ..] => (byte, after),
    };
    (!matches!(after.first(), Some(b'*' | b'?' | b'-'))).then_some(byte)
}

impl<'a> Matcher<'a> {
    /// The end of the match that begins at `start`.
    pub(super) fn match_at(&mut self, start: usize, choices: &mut Choices) -> Result<Option<usize>, Problem> {
        let (subject, pattern) = (self.subject, self.pattern);
        self.level = 0;
        choices.0.clear();
        let (mut at, mut item) = (start, 0);
        loop {
            self.spend(1)?;
            let Some(&byte) = pattern.get(item) else { return Ok(Some(at)) };
            let after = pattern.get(item + 1).copied();
            let went_on = match (byte, after) {
                (b'(', _) => {
                    let is_position = after == Some(b')');
                    self.open(at, if is_position { Extent::Position } else { Extent::Open })?;
                    push(choices, Choice::Opened)?;
                    item += 1 + usize::from(is_position);
                    true
                }
                (b')', _) => {
                    let index = self.close(at)?;
                    push(choices, Choice::Closed { index })?;
                    item += 1;
                    true
                }
                (b'$', None) => {
                    item += 1;
                    at == subject.len()
                }
                (b'%', Some(b'b')) => match self.balance(at, item + 2)? {
                    Some(end) => {
                        at = end;
                        item += 4;
                        true
                    }
                    None => false,
                },
                (b'%', Some(b'f')) => {
                    if pattern.get(item + 2) != Some(&b'[') {
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
                (b'%', Some(digit @ b'0'..=b'9')) => match self.back_reference(at, digit)? {
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
                    match pattern.get(end) {
                        Some(b'?') => {
                            if self.one(single, at)? {
                                push(choices, Choice::Skip { item: end as u32 + 1, at: at as u32 })?;
                                at += 1;
                            }
                            item = end + 1;
                            true
                        }
                        Some(repeat @ (b'*' | b'+')) => {
                            let run = self.run_of(single, at)?;
                            let least = at + usize::from(*repeat == b'+');
                            at += run;
                            item = end + 1;
                            if at > least {
                                let (item, at, least) = (item as u32, at as u32, least as u32);
                                push(choices, Choice::Fewer { item, at, least })?;
                            }
                            at >= least
                        }
                        Some(b'-') => {
                            push(choices, Choice::More { item: item as u32, end: end as u32, at: at as u32 })?;
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
                match self.go_back(choices)? {
                    Some(place) => (at, item) = place,
                    None => return Ok(None),
                }
            }
        }
    }

    /// Undoes up to the last choice that has another way, and answers where that goes on.
    fn go_back(&mut self, choices: &mut Choices) -> Result<Option<(usize, usize)>, Problem> {
        loop {
            self.spend(1)?;
            let Some(choice) = choices.0.last_mut() else { return Ok(None) };
            match choice {
                Choice::Fewer { item, at, least } => {
                    *at -= 1;
                    let place = (*at as usize, *item as usize);
                    if at <= least {
                        choices.0.pop();
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
                    choices.0.pop();
                    return Ok(Some(place));
                }
                Choice::Opened => self.level -= 1,
                Choice::Closed { index } => self.captures[*index as usize].extent = Extent::Open,
            }
            choices.0.pop();
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

    /// The end of what is the same as the capture that `digit` names.
    fn back_reference(&mut self, at: usize, digit: u8) -> Result<Option<usize>, Problem> {
        let index = usize::from(digit).checked_sub(usize::from(b'1')).filter(|index| *index < self.level);
        let Capture { start, extent } = self.captures[index.ok_or(Problem::NoSuchCapture)?];
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
        let Some(&[open, close]) = self.pattern.get(item..item + 2) else { return Err(Problem::BalanceWithoutPair) };
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

fn push(choices: &mut Choices, choice: Choice) -> Result<(), Problem> {
    if choices.0.len() == CHOICES_MAX {
        return Err(Problem::TooComplex);
    }
    choices.0.push(choice);
    Ok(())
}

/// Where the single that begins at `item` ends.
#[inline]
fn single_end(pattern: &[u8], item: usize) -> Result<usize, Problem> {
    match pattern[item] {
        b'%' if item + 1 == pattern.len() => Err(Problem::EscapeAtEnd),
        b'%' => Ok(item + 2),
        b'[' => set_end(pattern, item),
        _ => Ok(item + 1),
    }
}

fn set_end(pattern: &[u8], item: usize) -> Result<usize, Problem> {
    let mut at = item + 1;
    if pattern.get(at) == Some(&b'^') {
        at += 1;
    }
    // The first byte never ends the set.
    loop {
        let byte = *pattern.get(at).ok_or(Problem::SetWithoutEnd)?;
        at += 1;
        if byte == b'%' && at < pattern.len() {
            at += 1;
        }
        if pattern.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
    }
}
