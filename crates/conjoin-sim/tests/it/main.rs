//! Tests of the peer manager in simulated rooms.

mod loss;
mod regressions;
mod room;
mod scenarios;
