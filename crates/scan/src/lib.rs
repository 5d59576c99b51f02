//! Search terms and page text to matches.
