//! The driver alone, over real sockets.

mod gather;
