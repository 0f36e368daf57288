//! What becomes of edits that were made without knowing what the other side has compacted.
//!
//! Whoever has compacted cannot say any more where such edits belong, and refuses them. If the other side has
//! by now seen all that was let go of, it still knows, and gives its whole document: the one that has
//! compacted takes that over. If it has not, the two cannot come together, and both users are told.

use conjoin_core::{Doc, VersionVector};

use super::{Context, Effect, Heard, Sync, Violation};
use crate::io::Channel;
use crate::message::Message;

impl Sync {
    /// Says why edits of the peer are not taken in, once.
    pub(super) fn refuse(&mut self, cx: &mut Context<'_>) {
        if std::mem::replace(&mut self.refused, true) {
            return;
        }
        let compacted = cx.doc.compacted();
        if !self.acked.covers(&compacted) {
            let problem =
                "has edits made without knowing history that was compacted here: they cannot be taken in";
            cx.effects.push(Effect::Problem(problem.to_owned()));
        }
        self.send(cx, Channel::Bulk, &Message::Compacted(compacted));
    }

    /// The peer refuses edits from here, having compacted this much.
    pub(super) fn was_refused(
        &mut self,
        cx: &mut Context<'_>,
        compacted: &VersionVector,
    ) -> Result<Heard, Violation> {
        if !cx.doc.version().covers(compacted) {
            return Err(Violation::Compacted);
        }
        if !std::mem::replace(&mut self.gave_all, true) {
            self.send_state(cx);
        }
        Ok(Heard::Nothing)
    }

    /// Whether a snapshot may go where changes could: who lacks none of the history that is kept can always
    /// take in changes, but not always what was compacted.
    pub(super) fn may_send_state(doc: &Doc) -> bool {
        doc.compacted().is_empty()
    }
}
