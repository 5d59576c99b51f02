//! Who is behind a request: roll imports and address maps.
