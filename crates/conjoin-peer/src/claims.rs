//! Who a peer says it is: no two peers may edit as one replica.

use conjoin_core::Doc;

use crate::io::LinkId;
use crate::manager::Manager;
use crate::signaling::PROBE;
use crate::sync::Violation;

impl Manager {
    /// A peer said Hello. If the replica it claims is that of another peer, the other stays,
    /// unless the link to it is down: then this is the same document, back under a new id.
    /// Where that is not known yet, the other is asked, and this one may come again when it
    /// must have answered.
    #[inline(never)]
    pub(crate) fn introduced(&mut self, doc: &mut Doc, link: LinkId) {
        let claim = self.find_link(link).and_then(|(id, link)| Some((id, link.sync.replica()?)));
        let Some(id) = claim.and_then(|(id, replica)| self.peer_with(replica, &id)) else {
            return self.check_ready(doc, link);
        };
        let Some(other) = self.peers.get_mut(&id) else { return };
        let label = other.label(&id);
        let Some(held) = other.link.as_mut() else { return };
        if held.suspect || held.down_since.is_some() {
            self.lose_link(doc, &id);
            return self.check_ready(doc, link);
        }
        held.sync.pulse.hurry(self.now);
        other.probe = Some((self.now, self.now + PROBE));
        self.violated(doc, link, &Violation::TakenReplica(label));
    }
}
