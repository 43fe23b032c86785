//! `/v1/files`: upload, list, get, content, delete. Files live as long as the simulator.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::error::ApiError;
use super::form::Form;
use super::{Answer, CREATED, Call, Reply};

/// The uploaded files, in order of upload.
#[derive(Debug, Default)]
pub(in super::super) struct FileStore {
    files: Mutex<Vec<File>>,
}

#[derive(Debug, Clone)]
struct File {
    id: String,
    filename: String,
    purpose: String,
    data: Bytes,
}

pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answer {
    let store = &call.state.files;
    match (&call.parts.method, path) {
        (&Method::POST, []) => upload(call).await,
        (&Method::GET, []) => Ok(list(&store.lock())),
        (&Method::GET, [id]) => store.get(id).map(|file| Reply::ok(&file.json())),
        (&Method::GET, [id, "content"]) => {
            store.get(id).map(|file| Reply::bytes(StatusCode::OK, "application/octet-stream", file.data))
        }
        (&Method::DELETE, [id]) => {
            let file = store.get(id)?;
            store.lock().retain(|kept| kept.id != file.id);
            Ok(Reply::ok(&json!({"object": "file", "id": file.id, "deleted": true})))
        }
        _ => Err(call.no_such_endpoint()),
    }
}

async fn upload(call: &Call<'_>) -> Answer {
    let form = Form::read(call).await?;
    let purpose = form.required_text("purpose")?;
    let upload = form.required_file("file")?;
    let file = File {
        id: call.id("file-", ""),
        filename: upload.filename.clone().unwrap_or_default(),
        purpose,
        data: upload.data.clone(),
    };
    let reply = Reply::ok(&file.json());
    call.state.files.lock().push(file);
    Ok(reply)
}

fn list(files: &[File]) -> Reply {
    let data: Vec<Value> = files.iter().map(File::json).collect();
    let id = |file: Option<&File>| file.map(|file| file.id.clone());
    Reply::ok(&json!({
        "object": "list",
        "data": data,
        "first_id": id(files.first()),
        "last_id": id(files.last()),
        "has_more": false,
    }))
}

impl FileStore {
    fn get(&self, id: &str) -> Result<File, ApiError> {
        self.lock().iter().find(|file| file.id == id).cloned().ok_or_else(|| ApiError::not_found("file", id))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    fn json(&self) -> Value {
        json!({
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.data.len(),
            "created_at": CREATED,
            "expires_at": null,
            "status": "processed",
            "status_details": null,
        })
    }
}
