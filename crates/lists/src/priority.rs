//! List work beside the filter: on a thread that gives way to everything else.

use std::io;
use std::thread;

/// How far the thread steps back, in the system's nice steps: of two busy threads the other one
/// then gets some thirty times as much of the processor.
const STEPS_BACK: i32 = 15;

/// Runs work on a thread of its own with low priority, and hands the result to `done` there.
///
/// # Errors
/// When the system gives no thread.
pub fn in_background<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
    done: impl FnOnce(T) + Send + 'static,
) -> io::Result<()> {
    let name = what.chars().take(15).collect();
    thread::Builder::new().name(name).spawn(move || {
        // On Linux this is the thread's own. Where it is refused the work is done all the same.
        let _ = rustix::process::nice(STEPS_BACK);
        done(work());
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    /// FIL-04: list work gives way to the filter, and only the list work does.
    #[test]
    fn fil_04_list_work_gives_way() {
        let own = || rustix::process::nice(0).unwrap();
        let before = own();
        let (tell, told) = mpsc::channel();
        super::in_background("work", own, move |nice| tell.send(nice).unwrap()).unwrap();
        let there = told.recv().unwrap();
        assert!(there > before || there == 19, "{before} {there}");
        assert_eq!(own(), before);
    }
}
