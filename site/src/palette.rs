//! Colours for replicas: each has one for as long as the page lives, the same wherever it is shown.

/// Hues at equal distances: as many as can be told apart at a glance.
const HUES: usize = 8;

/// The hues lie from here on, in degrees: past the red of errors, and ending before it.
const FIRST: usize = 40;
/// See [`FIRST`].
const SPAN: usize = 320;

/// How far to go on when a hue is taken. Coprime to [`HUES`], so every hue is reached, and far
/// enough around the circle that the two do not look alike.
const STEP: usize = 3;

/// Gives out hues.
///
/// A replica's id says which hue it would like, so pages mostly agree on its colour; where two
/// ids like the same, the later one gets another.
#[derive(Debug, Default)]
pub struct Palette {
    given: Vec<(u64, usize)>,
}

impl Palette {
    /// The hue of a replica, in degrees.
    pub fn hue(&mut self, replica: u64) -> u32 {
        let known = self.given.iter().find(|(id, _)| *id == replica).map(|(_, slot)| *slot);
        let slot = known.unwrap_or_else(|| {
            let slot = self.free_slot(replica);
            self.given.push((replica, slot));
            slot
        });
        (FIRST + slot * SPAN / HUES) as u32
    }

    fn free_slot(&self, replica: u64) -> usize {
        let wanted = (replica % HUES as u64) as usize;
        // Once all are given out, each is shared evenly.
        let round = self.given.len() / HUES;
        let takers = |slot: usize| self.given.iter().filter(|(_, taken)| *taken == slot).count();
        let candidates = (0..HUES).map(|nth| (wanted + nth * STEP) % HUES);
        candidates.into_iter().find(|slot| takers(*slot) <= round).unwrap_or(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_keeps_its_hue() {
        let mut palette = Palette::default();
        let first = palette.hue(7);
        for other in 100..140 {
            palette.hue(other);
        }
        assert_eq!(palette.hue(7), first);
    }

    #[test]
    fn hues_repeat_only_when_all_are_given_out() {
        let mut palette = Palette::default();
        // All of these ids would like the same hue.
        let mut hues: Vec<u32> = (0..2 * HUES as u64).map(|nth| palette.hue(nth * HUES as u64)).collect();
        assert!(hues.iter().all(|hue| *hue < 360));
        let mut first_round = hues[..HUES].to_vec();
        first_round.sort_unstable();
        first_round.dedup();
        assert_eq!(first_round.len(), HUES);
        hues.sort_unstable();
        assert!(hues.chunks(2).all(|pair| pair[0] == pair[1]), "each hue is given out twice: {hues:?}");
    }

    #[test]
    fn pages_agree_where_ids_do_not_clash() {
        let (mut here, mut there) = (Palette::default(), Palette::default());
        let ids = [3, 4, 5];
        let seen_here = ids.map(|id| here.hue(id));
        let mut seen_there = [5, 4, 3].map(|id| there.hue(id));
        seen_there.reverse();
        assert_eq!(seen_here, seen_there);
    }
}
