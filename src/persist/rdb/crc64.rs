//! The checksum of snapshots and payloads: CRC-64 of Jones, as Redis computes it.
//!
//! Polynomial 0xad93d23594c935a9, bits reflected in and out, beginning with 0 and not inverted. The nine bytes `123456789` have the sum
//! 0xe9c6d914c4b8d9ca. Eight bytes are taken at a time, each through a table of its own ("slicing by 8").

/// The polynomial, its bits in reverse order.
const POLYNOMIAL: u64 = 0x95AC_9329_AC4B_C9B5;

static TABLES: [[u64; 256]; 8] = tables();

/// The sum of what `crc` is the sum of, followed by `bytes`. The sum of nothing is 0.
pub fn update(mut crc: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mixed = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        crc = mixed.iter().zip(TABLES.iter().rev()).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
    }
    for byte in rest {
        crc = TABLES[0][usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    }
    crc
}

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    // Table n tells what a byte has become after n more bytes of zeros.
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = tables[0][(before & 0xFF) as usize] ^ before >> 8;
            byte += 1;
        }
        table += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One bit at a time, straight from the definition.
    fn naive(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |crc, byte| {
            (0..8).fold(crc ^ u64::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 })
        })
    }

    #[test]
    fn the_check_value_is_that_of_redis() {
        assert_eq!(update(0, b"123456789"), 0xE9C6_D914_C4B8_D9CA);
        assert_eq!(update(0, b""), 0);
    }

    #[test]
    fn it_is_the_naive_sum_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (0..300u32).map(|index| ((index * 37) ^ (index >> 3)) as u8).collect();
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 64, 255, 300] {
            for cut in [0, 1, 3, 8, 13] {
                let (left, right) = bytes[..len].split_at(cut.min(len));
                assert_eq!(update(update(0, left), right), naive(&bytes[..len]), "{len} bytes cut at {cut}");
            }
        }
    }
}
