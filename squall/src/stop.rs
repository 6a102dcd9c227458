//! Ctrl-C: the run ends, and the verdict so far is told. A second one ends at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use squall_world::Doorbell;

use crate::exit::INTERRUPTED;

/// Set once somebody has asked to stop.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

fn doorbell() -> &'static Mutex<Option<Doorbell>> {
    static DOORBELL: OnceLock<Mutex<Option<Doorbell>>> = OnceLock::new();
    DOORBELL.get_or_init(|| Mutex::new(None))
}

/// From now on Ctrl-C asks runs to stop.
pub(crate) fn listen() {
    let heard = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        if let Ok(doorbell) = doorbell().lock()
            && let Some(doorbell) = doorbell.as_ref()
        {
            doorbell.stop();
        }
    });
    if let Err(error) = heard {
        crate::out::remark(&format!("squall: Ctrl-C will end this at once: {error}"));
    }
}

/// The run that Ctrl-C stops.
pub(crate) fn watch(bell: Doorbell) {
    if let Ok(mut doorbell) = doorbell().lock() {
        *doorbell = Some(bell);
    }
}

/// Whether somebody has asked to stop.
pub(crate) fn is_asked() -> bool {
    STOP.load(Ordering::SeqCst)
}
