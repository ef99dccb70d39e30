//! Undeclared keys that can be told before a run: each is put together of texts of the script and of its KEYS and ARGV.
//!
//! `KEYS[1] .. ':tokens'`, `'{' .. KEYS[1] .. '}:' .. ARGV[2]` and `'total'` can; what comes from data, from the clock or from arithmetic cannot. A form is
//! guessed from a key that a run touched, and believed once another run has touched nothing else. A wrong guess costs a lock in vain: what
//! is locked late is seen to as ever.

use memchr::memmem;

/// The most forms of one script.
const FORMS_MAX: usize = 8;
/// The most keys of one run that are looked at, and the longest of them.
const KEYS_MAX: usize = 32;
const KEY_BYTES_MAX: usize = 512;

/// Undeclared keys that a run touched.
#[derive(Debug, Default)]
pub struct Touched {
    keys: Vec<Box<[u8]>>,
    /// What no form can say.
    is_beyond: bool,
}

impl Touched {
    /// Notes a key.
    pub fn note(&mut self, key: &[u8]) {
        if self.is_beyond || self.keys.iter().any(|noted| **noted == *key) {
            return;
        }
        if key.len() > KEY_BYTES_MAX || self.keys.len() >= KEYS_MAX {
            return self.note_beyond();
        }
        self.keys.push(key.into());
    }

    /// Notes that it touched what no form can say: too many keys, or no particular ones.
    pub fn note_beyond(&mut self) {
        self.is_beyond = true;
        self.keys.clear();
    }

    /// Whether it touched nothing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.is_beyond
    }
}

/// A piece of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<[u8]>),
    Key(usize),
    Argument(usize),
}

/// What the undeclared keys of a script are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms(Vec<Box<[Piece]>>);

/// Nobody can tell before a run what it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untold;

impl Forms {
    /// Learns from a run with these KEYS and ARGV of a script with this text. True if there was something to learn.
    ///
    /// # Errors
    /// It touched what cannot be told.
    pub fn learn(&mut self, touched: &Touched, keys: &[&[u8]], argv: &[&[u8]], text: &[u8]) -> Result<bool, Untold> {
        if touched.is_beyond {
            return Err(Untold);
        }
        let mut known = Vec::new();
        self.each(keys, argv, |key| known.push(key.to_vec()));
        let mut is_new = false;
        for key in touched.keys.iter().filter(|key| !known.iter().any(|known| **known == ***key)) {
            let form = explain(key, keys, argv, text).ok_or(Untold)?;
            if !self.0.contains(&form) {
                if self.0.len() >= FORMS_MAX {
                    return Err(Untold);
                }
                self.0.push(form);
                is_new = true;
            }
        }
        Ok(is_new)
    }

    /// Visits the keys that a run with these KEYS and ARGV is expected to touch.
    pub fn each(&self, keys: &[&[u8]], argv: &[&[u8]], mut visit: impl FnMut(&[u8])) {
        let mut made = Vec::with_capacity(64);
        for form in &self.0 {
            made.clear();
            let is_whole = form.iter().all(|piece| {
                let bytes = match piece {
                    Piece::Text(text) => Some(&**text),
                    Piece::Key(index) => keys.get(*index).copied(),
                    Piece::Argument(index) => argv.get(*index).copied(),
                };
                made.extend_from_slice(bytes.unwrap_or_default());
                bytes.is_some()
            });
            if is_whole {
                visit(&made);
            }
        }
    }
}

/// The form of a key: at each place the longest of KEYS and ARGV that stands there, or else a text of the script.
fn explain(key: &[u8], keys: &[&[u8]], argv: &[&[u8]], text: &[u8]) -> Option<Box<[Piece]>> {
    let (mut pieces, mut literal) = (Vec::new(), Vec::new());
    let end_literal = |literal: &mut Vec<u8>, pieces: &mut Vec<Piece>| {
        let is_told = literal.is_empty() || memmem::find(text, literal).is_some();
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(literal).into()));
        }
        is_told
    };
    let mut at = 0;
    while at < key.len() {
        let rest = &key[at..];
        let fits = |item: &[u8]| !item.is_empty() && rest.starts_with(item);
        let of_keys = keys.iter().enumerate().map(|(index, item)| (*item, Piece::Key(index)));
        let of_argv = argv.iter().enumerate().map(|(index, item)| (*item, Piece::Argument(index)));
        // Of several that are as long the first, so that the same key has the same form each time.
        let mut longest: Option<(&[u8], Piece)> = None;
        for candidate in of_keys.chain(of_argv).filter(|(item, _)| fits(item)) {
            if longest.as_ref().is_none_or(|(item, _)| candidate.0.len() > item.len()) {
                longest = Some(candidate);
            }
        }
        match longest {
            Some((item, piece)) => {
                if !end_literal(&mut literal, &mut pieces) {
                    return None;
                }
                pieces.push(piece);
                at += item.len();
            }
            None => {
                literal.push(rest[0]);
                at += 1;
            }
        }
    }
    end_literal(&mut literal, &mut pieces).then(|| pieces.into())
}

#[cfg(test)]
mod tests {
    use super::{Forms, Touched, Untold};

    fn touched(keys: &[&str]) -> Touched {
        let mut touched = Touched::default();
        keys.iter().for_each(|key| touched.note(key.as_bytes()));
        touched
    }

    fn bytes<'a>(texts: &[&'a str]) -> Vec<&'a [u8]> {
        texts.iter().map(|text| text.as_bytes()).collect()
    }

    fn learn(forms: &mut Forms, touches: &[&str], keys: &[&str], argv: &[&str], text: &str) -> Result<bool, Untold> {
        forms.learn(&touched(touches), &bytes(keys), &bytes(argv), text.as_bytes())
    }

    fn told(forms: &Forms, keys: &[&str], argv: &[&str]) -> Vec<String> {
        let mut told = Vec::new();
        forms.each(&bytes(keys), &bytes(argv), |key| told.push(String::from_utf8_lossy(key).into_owned()));
        told
    }

    #[test]
    fn keys_of_texts_keys_and_arguments_are_told_of_the_next_run() {
        let text = "'total' .. KEYS[1] .. ':tokens' '{' .. KEYS[1] .. '}:' .. ARGV[2]";
        let mut forms = Forms::default();
        let first = ["total", "alice:tokens", "{alice}:eu"];
        assert_eq!(learn(&mut forms, &first, &["alice"], &["5", "eu"], text), Ok(true));
        assert_eq!(told(&forms, &["bob"], &["5", "us"]), ["total", "bob:tokens", "{bob}:us"]);
        assert_eq!(learn(&mut forms, &["bob:tokens", "{bob}:us"], &["bob"], &["5", "us"], text), Ok(false));
    }

    #[test]
    fn a_key_of_anything_else_cannot_be_told() {
        let mut forms = Forms::default();
        let text = "redis.call('GET', KEYS[1] .. ':' .. math.floor(now / 60))";
        assert_eq!(learn(&mut forms, &["alice:28000000"], &["alice"], &[], text), Err(Untold));
        let mut beyond = Touched::default();
        beyond.note_beyond();
        assert_eq!(forms.learn(&beyond, &[], &[], b""), Err(Untold));
        let many: Vec<String> = (0..40).map(|number| format!("key:{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(learn(&mut forms, &many, &[], &[], &many.join(" ")), Err(Untold), "too many to look at");
    }

    /// An argument that happens to stand in the text is taken for the argument at first; the next run shows the other form.
    #[test]
    fn a_wrong_guess_is_joined_by_a_better_one() {
        let mut forms = Forms::default();
        let text = "redis.call('GET', 'v1:' .. KEYS[1])";
        assert_eq!(learn(&mut forms, &["v1:x"], &["x"], &["1"], text), Ok(true));
        assert_eq!(told(&forms, &["y"], &["2"]), ["v2:y"]);
        assert_eq!(learn(&mut forms, &["v1:y"], &["y"], &["2"], text), Ok(true));
        assert_eq!(told(&forms, &["z"], &["3"]), ["v3:z", "v1:z"]);
        assert_eq!(told(&forms, &[], &["3"]), Vec::<String>::new(), "a form whose parts are missing says nothing");
    }
}
