//! The same by the book: a plain list of elements, each rule word for word.

/// An element by its replica and number there, as all replicas know it.
pub(super) type Id = (u8, u32);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) id: Id,
    pub(super) left: Option<Id>,
    pub(super) right: Option<Id>,
    pub(super) visible: bool,
    pub(super) char: char,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model(pub(super) Vec<Element>);

impl Model {
    pub(super) fn position(&self, id: Id) -> usize {
        self.0.iter().position(|element| element.id == id).expect("known")
    }

    pub(super) fn visible(&self) -> impl Iterator<Item = &Element> {
        self.0.iter().filter(|element| element.visible)
    }

    pub(super) fn text(&self) -> String {
        self.visible().map(|element| element.char).collect()
    }

    /// How many visible elements stand before one.
    pub(super) fn index(&self, id: Id) -> usize {
        self.0[..self.position(id)].iter().filter(|element| element.visible).count()
    }

    /// The first element after `left` that was seen.
    pub(super) fn right_of(&self, left: Option<Id>, seen: impl Fn(Id) -> bool) -> Option<Id> {
        let from = left.map_or(0, |left| self.position(left) + 1);
        self.0[from..].iter().map(|element| element.id).find(|&id| seen(id))
    }

    pub(super) fn integrate(&mut self, new: Element) {
        // Counted from 1; the start is 0, and the end beyond all.
        let left_of = |id: Option<Id>| id.map_or(0, |id| self.position(id) + 1);
        let right_of = |id: Option<Id>| id.map_or(usize::MAX, |id| self.position(id) + 1);
        let (left, right) = (left_of(new.left), right_of(new.right));
        let mut place = left;
        let mut passing = false;
        for at in left.. {
            if !passing {
                place = at;
            }
            if at == self.0.len() || at + 1 == right {
                break;
            }
            let other = &self.0[at];
            let (its_left, its_right) = (left_of(other.left), right_of(other.right));
            if its_left < left || (its_left == left && its_right == right && new.id.0 < other.id.0) {
                break;
            }
            if its_left == left {
                passing = its_right < right;
            }
        }
        self.0.insert(place, new);
    }
}
