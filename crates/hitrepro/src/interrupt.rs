//! Ctrl-C: the first asks everything to stop cleanly, the second stops at once.

use hit_stage::Cancel;

use crate::exit::Exit;

/// A request to stop that Ctrl-C (or a polite kill) makes.
pub fn cancel_on_interrupt(quiet: bool) -> Cancel {
    let cancel = Cancel::default();
    let shared = cancel.clone();
    let handler = move || {
        if shared.requested() {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        shared.request();
        if !quiet {
            eprintln!("stopping: running stages end at their next safe point; once more stops at once");
        }
    };
    // Without a handler Ctrl-C still ends the process, and the store outlives that: no reason not to run.
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("note: Ctrl-C will stop at once, not cleanly: {error}");
    }
    cancel
}
