//! Reads a policy pack (text) into values, with problems by file and line.
