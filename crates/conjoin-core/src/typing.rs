//! Typing on: text that comes right behind what the last operation here inserted, by the same author, who has seen
//! nothing new since. Most of all that is ever edited is this, and it comes down to adding to what is there: to a run
//! and its leaf, to an entry of the log, and to a few counts.

use crate::doc::Doc;
use crate::size;
use crate::state::Data;

impl Doc {
    /// Types on in a text, if the last operation here inserted text in it that ends at the index `at`, if one is
    /// given; its author must be that of the last operation, and have seen nothing new since. Says whether it did;
    /// if not, nothing was done.
    pub(crate) fn type_on(&mut self, container: u32, at: Option<usize>, text: &str) -> bool {
        let lv = self.numbers.next();
        let Some(last) = self.log.typed(container, lv) else { return false };
        let end = last.end();
        // What is not ASCII is counted in more ways.
        let is_plain = match text.as_bytes() {
            [byte] => byte.is_ascii(),
            bytes => !bytes.is_empty() && bytes.is_ascii(),
        };
        if !is_plain || at.is_some_and(|at| at != end as usize) {
            return false;
        }
        let len = text.len() as u32;
        let Data::Text(data) = self.state.containers.data_mut(container) else { return false };
        if !data.sequence.type_on(lv, len, text.into()) {
            return false;
        }
        last.push(text, len);
        self.state.size += size::ELEMENT * len as usize;
        self.raw.splice(container, end, 0, len);
        self.numbers.follow(len);
        true
    }
}
