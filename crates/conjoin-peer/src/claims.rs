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
        let said = |(id, peer): (&String, &crate::peer::Peer)| {
            let link = peer.link.as_ref()?;
            Some((link.id, id.clone(), link.sync.replica()?))
        };
        let others = self.peers.iter().filter_map(said).collect::<Vec<_>>();
        let claimed = others.iter().find(|other| other.0 == link).map(|other| other.2);
        let other = others.into_iter().find(|other| other.0 != link && Some(other.2) == claimed);
        let Some((id, other)) = other.and_then(|(_, id, _)| Some((id.clone(), self.peers.get_mut(&id)?)))
        else {
            return self.check_ready(doc, link);
        };
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
