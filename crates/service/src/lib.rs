//! Use cases: authorise, load, decide, save, audit, enqueue.
