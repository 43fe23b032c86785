//! Replies of every backend to every client.
