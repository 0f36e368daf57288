//! How late edits come, and what a mesh costs, in virtual time.

use std::time::Duration;

use conjoin_sim::measure::{idle, lateness, mesh};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn edits_come_in_time_under_loss_for_few_more_bytes() {
    for pauses in [(ms(100), ms(300)), (ms(10), ms(20))] {
        let whole = lateness(0.0, pauses, 2_000, true);
        for (loss, bound) in [(0.01, ms(60)), (0.05, ms(100))] {
            let late = lateness(loss, pauses, 2_000, true);
            assert!(late.p99 <= bound, "{loss}: {late:?}");
            assert!(late.bytes <= 2.0 * whole.bytes, "{loss}: {late:?} against {whole:?}");
        }
    }
}

#[test]
fn the_reliable_channel_alone_would_be_late() {
    let alone = lateness(0.05, (ms(100), ms(300)), 1_000, false);
    assert!(alone.p99 >= ms(500), "or the model of it is too kind: {alone:?}");
}

#[test]
fn an_idle_mesh_is_quiet() {
    for peers in [2, 5, 20, 50] {
        let idle = idle(peers);
        assert!(idle.bytes <= 100.0, "{peers} peers: {idle:?}");
    }
}

#[test]
fn a_newcomer_has_all_at_once() {
    let mesh = mesh(5);
    assert!(mesh.newcomer < Duration::from_secs(1) && mesh.all_join < Duration::from_secs(1), "{mesh:?}");
}
