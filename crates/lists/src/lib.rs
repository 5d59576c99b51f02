//! List sources on disk: import, compile aside, map, swap, roll back, sealed bundles.
