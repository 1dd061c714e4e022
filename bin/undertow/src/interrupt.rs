//! SIGINT, SIGTERM and SIGHUP: the first asks a run to end in order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Exit;

/// Whether somebody wants the run to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where the system refuses, signals end the process as they always did.
    #[must_use]
    pub fn listen() -> Self {
        let interrupt = Self::default();
        // A terminal that is closed must not leave orders behind.
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let asked = Arc::clone(&interrupt.0);
            // In this order, so that the first signal does not find itself asked for already.
            let quick = flag::register_conditional_shutdown(
                signal,
                Exit::Interrupted as i32,
                Arc::clone(&asked),
            );
            if quick.is_ok() {
                let _ = flag::register(signal, asked);
            }
        }
        interrupt
    }

    /// Whether a signal came.
    #[must_use]
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
