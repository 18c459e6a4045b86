//! What a Vorbis decoder would allocate for the code books of a setup header, told before it does.
//!
//! A few bytes of header can ask for gigabytes: a book's vectors are dimensions × entries numbers, whatever is stated of
//! them, and its code words are looked up in blocks of 256, one for each group of long codes with the same first bits:
//! 131,072 codes of 17 bits (13 bytes of header) make 65,793 blocks. So the books are read here as the decoder reads
//! them (Vorbis I, 3.2.1), and counted.

/// Bytes of a block of 256 codes, with what the decoder keeps of it while it is made.
const BLOCK: u64 = 2048 + 320;
/// Bytes of an entry while its book is made: length, code word, value, and its place in a block.
const ENTRY: u64 = 40;
/// More are refused by the decoder.
const MOST_DIMENSIONS: u32 = 32;
const MOST_ENTRIES: u32 = 1 << 17;

/// Bytes for all books of `headers`: an identification and a setup header in a row. `None` if they cannot be read, which
/// the decoder cannot either.
pub fn bytes(headers: &[u8]) -> Option<u64> {
    let setup = headers.get(30..)?.strip_prefix(b"\x05vorbis")?;
    let mut bits = Bits { bytes: setup, at: 0 };
    let n_books = bits.take(8)? + 1;
    (0..n_books).map(|_| book(&mut bits)).sum()
}

/// Numbers of some bits, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, n: u32) -> Option<u32> {
        let mut value = 0;
        for bit in 0..n {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, n: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(n).ok()?)?;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }
}

fn book(bits: &mut Bits) -> Option<u64> {
    let (mark, dimensions, entries) = (bits.take(24)?, bits.take(16)?, bits.take(24)?);
    if mark != 0x56_4342 || !(1..=MOST_DIMENSIONS).contains(&dimensions) || entries > MOST_ENTRIES {
        return None;
    }
    // How many codes there are of each length.
    let mut lengths = [0u64; 33];
    if bits.take(1)? == 1 {
        ordered(bits, entries, &mut lengths)?;
    } else {
        listed(bits, entries, &mut lengths)?;
    }
    let vectors = match bits.take(4)? {
        0 => 0,
        kind @ (1 | 2) => {
            bits.skip(64)?;
            let (width, _sequence) = (bits.take(4)? + 1, bits.take(1)?);
            let n = if kind == 1 { root(entries, dimensions) } else { entries * dimensions };
            bits.skip(u64::from(n) * u64::from(width))?;
            // Numbers as they stand in the header are kept until the vectors are made.
            4 * u64::from(entries) * u64::from(dimensions) + 4 * u64::from(n)
        }
        _ => return None,
    };
    Some(vectors + ENTRY * u64::from(entries) + BLOCK * blocks(&lengths))
}

/// Lengths of codes as runs, from the shortest to the longest.
fn ordered(bits: &mut Bits, entries: u32, lengths: &mut [u64; 33]) -> Option<()> {
    let mut length = bits.take(5)? + 1;
    let mut left = entries;
    loop {
        let n = bits.take(32 - left.leading_zeros())?;
        left = left.checked_sub(n)?;
        *lengths.get_mut(length as usize)? += u64::from(n);
        length += 1;
        if left == 0 {
            return Some(());
        }
    }
}

/// The length of each code, some of them left out if the book is sparse.
fn listed(bits: &mut Bits, entries: u32, lengths: &mut [u64; 33]) -> Option<()> {
    let is_sparse = bits.take(1)? == 1;
    for _ in 0..entries {
        if !is_sparse || bits.take(1)? == 1 {
            lengths[bits.take(5)? as usize + 1] += 1;
        }
    }
    Some(())
}

/// Blocks of 8 bits in which codes of these lengths are looked up, at most: below the first, one for each beginning of 8,
/// 16 or 24 bits that longer codes have.
fn blocks(lengths: &[u64; 33]) -> u64 {
    let beginnings = |n_bits: usize| lengths[n_bits + 1..].iter().sum::<u64>().min(1 << n_bits);
    1 + [8, 16, 24].into_iter().map(beginnings).sum::<u64>()
}

/// The largest whole number whose power `dimensions` is at most `entries`.
fn root(entries: u32, dimensions: u32) -> u32 {
    let fits = |value: &u32| value.checked_pow(dimensions).is_some_and(|power| power <= entries);
    // At most 363 steps, as the square of that is beyond the most entries.
    if dimensions == 1 { entries } else { (1..=entries).take_while(fits).last().unwrap_or(0) }
}

#[cfg(test)]
mod tests;
