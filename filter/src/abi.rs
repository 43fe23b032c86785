//! proxy-wasm's host calls, without the panics of the SDK's wrappers.
//!
//! `proxy_wasm::hostcalls` panics on any status it does not expect, and a panic ends the VM of the whole worker. The
//! calls of the request path are therefore declared here again and return their status. Signatures:
//! <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>.

#![allow(unsafe_code)]

use std::ptr::null;

use crate::host::{Host, HostError};

const REQUEST_HEADERS: i32 = 0;
const RESPONSE_HEADERS: i32 = 2;
const CALL_HEADERS: i32 = 6;
const REQUEST_BODY: i32 = 0;
const RESPONSE_BODY: i32 = 1;
const CALL_BODY: i32 = 4;
const RESPONSE_STREAM: i32 = 1;
const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const CAS_MISMATCH: i32 = 8;
/// The mark of a shared value that is not there. Not 0, by which Envoy means "whatever it is now": two workers would
/// both be the first. Envoy counts marks up from 1 and does not compare one for a value that is not there.
/// <https://github.com/proxy-wasm/proxy-wasm-cpp-host/blob/main/src/shared_data.cc>
const NO_MARK: u32 = u32::MAX;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: i32, data: *mut *mut u8, size: *mut usize) -> i32;
    fn proxy_replace_header_map_value(
        map: i32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> i32;
    fn proxy_add_header_map_value(
        map: i32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> i32;
    fn proxy_remove_header_map_value(map: i32, name: *const u8, name_size: usize) -> i32;
    fn proxy_get_buffer_bytes(buffer: i32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> i32;
    fn proxy_set_buffer_bytes(buffer: i32, start: usize, size: usize, data: *const u8, data_size: usize) -> i32;
    fn proxy_close_stream(stream: i32) -> i32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> i32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> i32;
    fn proxy_get_shared_data(
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        mark: *mut u32,
    ) -> i32;
    fn proxy_set_shared_data(name: *const u8, name_size: usize, data: *const u8, size: usize, mark: u32) -> i32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> i32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> i32;
}

/// Envoy, as the current callback sees it.
pub(crate) struct Envoy;

/// Runs a call that hands bytes over and takes ownership of them.
fn taken(call: &'static str, run: impl FnOnce(*mut *mut u8, *mut usize) -> i32) -> Result<Option<Vec<u8>>, HostError> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size = 0_usize;
    match run(&mut data, &mut size) {
        OK if data.is_null() => Ok(Some(Vec::new())),
        // SAFETY: the host obtained `data` from this module's `proxy_on_memory_allocate`, which allocates a `Vec<u8>`
        // of exactly `size` bytes with the global allocator and gives it up; the host filled all of it.
        OK => Ok(Some(unsafe { Vec::from_raw_parts(data, size, size) })),
        NOT_FOUND => Ok(None),
        status => Err(HostError { call, status }),
    }
}

fn done(call: &'static str, status: i32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError { call, status }) }
}

impl Host for Envoy {
    fn request_headers(&self) -> Result<Vec<u8>, HostError> {
        // SAFETY: both pointers are valid for writes during the call.
        let pairs = taken("get_header_map_pairs", |data, size| unsafe {
            proxy_get_header_map_pairs(REQUEST_HEADERS, data, size)
        })?;
        Ok(pairs.unwrap_or_default())
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `name` and `value` outlive the call; the host copies them.
        done("replace_header_map_value", unsafe {
            proxy_replace_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn add_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `name` and `value` outlive the call; the host copies them.
        done("add_header_map_value", unsafe {
            proxy_add_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        // SAFETY: `name` outlives the call.
        done("remove_header_map_value", unsafe {
            proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len())
        })
    }

    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: both out-pointers are valid for writes during the call.
        let bytes = taken("get_buffer_bytes", |data, size| unsafe {
            proxy_get_buffer_bytes(REQUEST_BODY, start, max, data, size)
        })?;
        Ok(bytes.unwrap_or_default())
    }

    fn replace_request_body_prefix(&self, size: usize, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `value` outlives the call; the host copies it.
        done("set_buffer_bytes", unsafe { proxy_set_buffer_bytes(REQUEST_BODY, 0, size, value.as_ptr(), value.len()) })
    }

    fn response_headers(&self) -> Result<Vec<u8>, HostError> {
        // SAFETY: both pointers are valid for writes during the call.
        let pairs = taken("get_header_map_pairs", |data, size| unsafe {
            proxy_get_header_map_pairs(RESPONSE_HEADERS, data, size)
        })?;
        Ok(pairs.unwrap_or_default())
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `name` and `value` outlive the call; the host copies them.
        done("replace_header_map_value", unsafe {
            proxy_replace_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn remove_response_header(&self, name: &str) -> Result<(), HostError> {
        // SAFETY: `name` outlives the call.
        done("remove_header_map_value", unsafe {
            proxy_remove_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len())
        })
    }

    fn response_body(&self, size: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: both out-pointers are valid for writes during the call.
        let bytes = taken("get_buffer_bytes", |data, taken| unsafe {
            proxy_get_buffer_bytes(RESPONSE_BODY, 0, size, data, taken)
        })?;
        Ok(bytes.unwrap_or_default())
    }

    fn replace_response_body(&self, size: usize, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `value` outlives the call; the host copies it.
        done("set_buffer_bytes", unsafe { proxy_set_buffer_bytes(RESPONSE_BODY, 0, size, value.as_ptr(), value.len()) })
    }

    fn close_stream(&self) -> Result<(), HostError> {
        // SAFETY: no pointers.
        done("close_stream", unsafe { proxy_close_stream(RESPONSE_STREAM) })
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        let path = path.join("\0");
        // SAFETY: `path` outlives the call, and both out-pointers are valid for writes.
        let value =
            taken("get_property", |data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) });
        // Envoy reports a property that has no serialisable value as a failure; to us it is not there.
        value.ok().flatten()
    }

    fn keep(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: `name` and `value` outlive the call; the host copies them.
        done("set_property", unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    fn shared(&self, name: &str) -> Result<(Vec<u8>, u32), HostError> {
        let mut mark = 0;
        // SAFETY: `name` outlives the call, and all out-pointers are valid for writes during it.
        let value = taken("get_shared_data", |data, size| unsafe {
            proxy_get_shared_data(name.as_ptr(), name.len(), data, size, &mut mark)
        })?;
        Ok(value.map_or((Vec::new(), NO_MARK), |value| (value, mark)))
    }

    fn share(&self, name: &str, value: &[u8], mark: u32) -> Result<bool, HostError> {
        // SAFETY: `name` and `value` outlive the call; the host copies them.
        let status = unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), mark) };
        if status == CAS_MISMATCH { Ok(false) } else { done("set_shared_data", status).map(|()| true) }
    }

    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<(), HostError> {
        let pairs = crate::head::serialise(headers);
        // SAFETY: all pointers outlive the call; the host copies what they point to.
        done("send_local_response", unsafe {
            proxy_send_local_response(
                u32::from(status),
                null(),
                0,
                body.as_ptr(),
                body.len(),
                pairs.as_ptr(),
                pairs.len(),
                -1,
            )
        })
    }

    fn call(&self, cluster: &str, headers: &[(&str, &str)], body: &[u8], timeout_ms: u32) -> Result<(), HostError> {
        // By the SDK, which remembers who asked.
        let timeout = std::time::Duration::from_millis(u64::from(timeout_ms));
        let called =
            proxy_wasm::hostcalls::dispatch_http_call(cluster, headers.to_vec(), Some(body), Vec::new(), timeout);
        called.map(|_| ()).map_err(|status| HostError { call: "http_call", status: status as i32 })
    }

    fn call_headers(&self) -> Result<Vec<u8>, HostError> {
        // SAFETY: both pointers are valid for writes during the call.
        let pairs = taken("get_header_map_pairs", |data, size| unsafe {
            proxy_get_header_map_pairs(CALL_HEADERS, data, size)
        })?;
        Ok(pairs.unwrap_or_default())
    }

    fn call_body(&self, size: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: both out-pointers are valid for writes during the call.
        let bytes = taken("get_buffer_bytes", |data, taken| unsafe {
            proxy_get_buffer_bytes(CALL_BODY, 0, size, data, taken)
        })?;
        Ok(bytes.unwrap_or_default())
    }

    fn now_ms(&self) -> u64 {
        let mut nanoseconds = 0;
        // SAFETY: the out-pointer is valid for writes during the call.
        let _ = unsafe { proxy_get_current_time_nanoseconds(&mut nanoseconds) };
        nanoseconds / 1_000_000
    }

    fn warn(&self, message: &str) {
        let _ = proxy_wasm::hostcalls::log(proxy_wasm::types::LogLevel::Warn, message);
    }
}
