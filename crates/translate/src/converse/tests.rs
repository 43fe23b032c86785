//! Requests as they are written, and both forms of replies against each other.

mod replies;
mod requests;
