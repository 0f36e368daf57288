//! Tests of the peer manager in simulated rooms.

mod compaction;
mod loss;
mod regressions;
mod room;
mod scenarios;
