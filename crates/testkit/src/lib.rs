//! Fixed clock, fictional school, stand-in origins, real servers for tests.
