//! Sums: what each replica added to a counter. Each adds to its own in its own order, so the total is the
//! same everywhere, floating point included.

use crate::codec::{DecodeError, Part, Reader, Writer};
use crate::numbers::MAX_OPS;
use crate::size;
use crate::version::ReplicaId;

/// A sum for each replica, by replica: an integer, or the bits of a floating-point number, so that one
/// code serves both. Zero is zero in either.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sums(pub(crate) Vec<(ReplicaId, i128)>);

/// The floating-point number of a sum.
pub(crate) const fn float(sum: i128) -> f64 {
    f64::from_bits(sum as u64)
}

/// A floating-point number as a sum. It stays within the range of finite ones.
pub(crate) const fn bits(float: f64) -> i128 {
    float.clamp(f64::MIN, f64::MAX).to_bits() as i128
}

impl Sums {
    pub(crate) fn of(&mut self, replica: ReplicaId, size: &mut usize) -> &mut i128 {
        let at = match self.0.binary_search_by_key(&replica, |entry| entry.0) {
            Ok(at) => at,
            Err(at) => {
                *size += size::SUM;
                if self.0.is_empty() {
                    // Most have one.
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (replica, 0));
                at
            }
        };
        &mut self.0[at].1
    }

    /// A replica's sum follows from its operations, so whoever has seen more of them knows better.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub(crate) fn join(&mut self, other: &Self, news: &dyn Fn(ReplicaId) -> bool, size: &mut usize) {
        // In one pass over both: many sums, put in one by one, would take forever.
        *size -= self.0.len() * size::SUM;
        let before = std::mem::take(&mut self.0);
        let mut at = 0;
        for &(replica, sum) in &other.0 {
            if news(replica) {
                while let Some(&entry) = before.get(at).filter(|entry| entry.0 <= replica) {
                    at += 1;
                    if entry.0 < replica {
                        self.0.push(entry);
                    }
                }
                self.0.push((replica, sum));
            }
        }
        self.0.extend_from_slice(&before[at..]);
        *size += self.0.len() * size::SUM;
    }
}

impl Sums {
    /// The total, at the bound where it is past the range of 64 bits.
    pub(crate) fn total(&self) -> i64 {
        let total: i128 = self.0.iter().map(|entry| entry.1).sum();
        total.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// What one replica added, at the bound where it is past the range of 64 bits.
    pub(crate) fn part(&self, replica: ReplicaId) -> i64 {
        let sum = self.0.iter().find(|entry| entry.0 == replica).map_or(0, |entry| entry.1);
        sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The total of floating-point numbers, at the bound where it is past the range of finite ones.
    pub(crate) fn float_total(&self) -> f64 {
        self.0.iter().fold(0.0, |total, entry| float(bits(total + float(entry.1))))
    }
}

/// The high 64 bits as a signed number, then the low ones: small sums stay small.
pub(crate) fn write_sum(sum: i128, out: &mut Vec<u8>) {
    let zigzag = ((sum << 1) ^ (sum >> 127)) as u128;
    out.varint(zigzag as u64);
    out.varint((zigzag >> 64) as u64);
}

pub(crate) fn read_sum(reader: &mut Reader<'_>) -> Result<i128, DecodeError> {
    let zigzag = u128::from(reader.varint()?) | u128::from(reader.varint()?) << 64;
    let sum = (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128);
    // More than all operations a replica can make could add.
    if sum.unsigned_abs() > u128::from(MAX_OPS) << 63 {
        Err(DecodeError::Malformed(Part::Sum))
    } else {
        Ok(sum)
    }
}
