//! Writers of the forms that only older servers write: straight from the pictures in the modules' heads.

use crate::persist::rdb::length::Written;

/// A string as it is, whatever it says.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    [length(bytes.len()), bytes.to_vec()].concat()
}

pub(super) fn length(length: usize) -> Vec<u8> {
    Written::length(length as u64).bytes().to_vec()
}

/// A ziplist whose entries have these bodies.
pub(super) fn ziplist(bodies: &[Vec<u8>]) -> Vec<u8> {
    let (mut block, mut before_len, mut tail) = (vec![0; 10], 0, 10);
    for body in bodies {
        tail = block.len();
        match before_len {
            0..254 => block.push(before_len as u8),
            len => {
                block.push(0xFE);
                block.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        block.extend_from_slice(body);
        before_len = block.len() - tail;
    }
    block.push(0xFF);
    let bytes = block.len() as u32;
    block[..4].copy_from_slice(&bytes.to_le_bytes());
    block[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
    block[8..10].copy_from_slice(&u16::try_from(bodies.len()).unwrap_or(u16::MAX).to_le_bytes());
    block
}

/// The body of a ziplist's entry that is a text.
pub(super) fn zip_text(text: &[u8]) -> Vec<u8> {
    let head = match text.len() {
        len @ 0..64 => vec![len as u8],
        len @ 64..16_384 => (len as u16 | 0x4000).to_be_bytes().to_vec(),
        len => [&[0x80][..], &(len as u32).to_be_bytes()].concat(),
    };
    [&head[..], text].concat()
}

/// The body of a ziplist's entry that is an integer, in the fewest bytes.
pub(super) fn zip_integer(value: i64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    let (tag, len) = match value {
        0..=12 => (0xF1 + value as u8, 0),
        -0x80..=0x7F => (0xFE, 1),
        -0x8000..=0x7FFF => (0xC0, 2),
        -0x80_0000..=0x7F_FFFF => (0xF0, 3),
        -0x8000_0000..=0x7FFF_FFFF => (0xD0, 4),
        _ => (0xE0, 8),
    };
    [&[tag], &bytes[..len]].concat()
}

/// A ziplist of texts, those that are integers kept as such.
pub(super) fn ziplist_of(texts: &[&str]) -> Vec<u8> {
    let body = |text: &&str| match text.parse::<i64>() {
        Ok(value) if value.to_string() == *text => zip_integer(value),
        _ => zip_text(text.as_bytes()),
    };
    ziplist(&texts.iter().map(body).collect::<Vec<_>>())
}

/// A zipmap, each value followed by so many unused bytes.
pub(super) fn zipmap(pairs: &[(&str, &str)], unused: u8) -> Vec<u8> {
    let length = |len: usize| match len {
        0..254 => vec![len as u8],
        len => [&[0xFE][..], &(len as u32).to_le_bytes()].concat(),
    };
    let mut block = vec![pairs.len().min(254) as u8];
    for (field, value) in pairs {
        block.extend_from_slice(&length(field.len()));
        block.extend_from_slice(field.as_bytes());
        block.extend_from_slice(&length(value.len()));
        block.push(unused);
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(&vec![b'?'; unused.into()]);
    }
    block.push(0xFF);
    block
}

/// An intset of integers as wide as `width` says.
pub(super) fn intset(width: u32, values: &[i64]) -> Vec<u8> {
    let mut block = [width.to_le_bytes(), (values.len() as u32).to_le_bytes()].concat();
    values.iter().for_each(|value| block.extend_from_slice(&value.to_le_bytes()[..width as usize]));
    block
}

/// A listpack of texts, those that are integers kept as such.
pub(super) fn listpack_of(texts: &[&str]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut writer = crate::persist::rdb::listpack::Writer::new(&mut block);
    texts.iter().for_each(|text| writer.push(crate::data::list::Element::of(text.as_bytes())));
    writer.finish();
    block
}
