//! Governors' report and other documents as PDF and CSV.
