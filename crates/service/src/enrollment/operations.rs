//! What admins do to devices, whoever carries it: the interface or the page.

use super::pre_enroll::MAX_SERIALS;
use super::problem::{Refused, Result};
use super::state::Enrollment;
use super::wire::name;
use crate::edge;
use crate::keys::{Caller, Scope};
use crate::ledger::{AdminAnswer, DeviceRow, Places};
use http::StatusCode;

/// An answer to a request that waits, as an admin gives it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// `approve`, `deny` or `re-associate`.
    pub(crate) answer: String,
    /// The record to re-associate.
    pub(crate) device_id: Option<String>,
    /// The tenant of a request that names none.
    pub(crate) tenant: Option<String>,
}

impl Enrollment {
    /// The device, if this key may see it.
    pub(crate) async fn device(&self, caller: &Caller, id: &str) -> Result<DeviceRow> {
        let row = self.ledger.device(id).await?.ok_or_else(|| Refused::not_found("device"))?;
        caller.may_for(Some(&row.device.tenant)).map_err(|_| Refused::not_found("device"))?;
        Ok(row)
    }

    /// Retires a device.
    pub(crate) async fn retire(&self, caller: &Caller, id: &str) -> Result<()> {
        caller.may(Scope::Tokens)?;
        self.device(caller, id).await?;
        self.ledger.retire_device(id, edge::now()).await?;
        tracing::info!(key = caller.key_id, device = id, "a device was retired");
        Ok(())
    }

    /// Tells a device at its next check-in to enroll anew.
    pub(crate) async fn enroll_anew(&self, caller: &Caller, id: &str) -> Result<()> {
        caller.may(Scope::Tokens)?;
        self.device(caller, id).await?;
        self.ledger.command_device(id, "enroll-anew").await?;
        Ok(())
    }

    /// Deletes the record of a retired device, and its history with it.
    pub(crate) async fn delete(&self, caller: &Caller, id: &str) -> Result<()> {
        caller.may(Scope::Admin)?;
        self.device(caller, id).await?;
        if !self.ledger.delete_device(id).await? {
            let detail = "the device is not retired: only the record of a retired device is deleted";
            return Err(Refused::new("conflict", StatusCode::CONFLICT, detail));
        }
        tracing::info!(key = caller.key_id, device = id, "a device's record was deleted");
        Ok(())
    }

    /// Makes one record of two; gives the id that stays.
    pub(crate) async fn merge(&self, caller: &Caller, id: &str, with: &str) -> Result<String> {
        caller.may(Scope::Tokens)?;
        self.device(caller, id).await?;
        self.device(caller, with).await?;
        let kept = self.ledger.merge_devices(id, with, edge::now()).await?;
        let conflict = || {
            let detail = "the records are of two tenants or products, or one and the same";
            Refused::new("conflict", StatusCode::CONFLICT, detail)
        };
        let kept = kept.ok_or_else(conflict)?;
        tracing::info!(key = caller.key_id, device = kept, "two records were merged");
        Ok(kept)
    }

    /// Answers a request that waits. One that names no tenant is approved with one.
    pub(crate) async fn answer(&self, caller: &Caller, key: &str, said: Said) -> Result<()> {
        caller.may(Scope::Tokens)?;
        let row = self.ledger.waiting_device(key).await?.ok_or_else(|| Refused::not_found("request"))?;
        // A key that is restricted to a tenant does not see requests that name none.
        caller.may_for(row.tenant.as_deref()).map_err(|_| Refused::not_found("request"))?;
        match (said.answer.as_str(), &said.device_id) {
            ("approve" | "deny", None) | ("re-associate", Some(_)) => {}
            _ => return Err(Refused::bad_request("answer must be approve, deny, or re-associate with a device_id")),
        }
        match (said.answer.as_str(), &row.tenant, &said.tenant) {
            ("approve", None, Some(tenant)) if !tenant.is_empty() && name(tenant) == *tenant => {}
            ("approve", None, _) => {
                return Err(Refused::bad_request("the request names no tenant, so the answer must have a tenant"));
            }
            (_, _, None) => {}
            _ => return Err(Refused::bad_request("tenant goes with approve, and with a request that names none")),
        }
        tracing::info!(key = caller.key_id, request = key, answer = said.answer, "a request was answered");
        let said = AdminAnswer { answer: said.answer, device_id: said.device_id, tenant: said.tenant };
        match self.ledger.answer_device(key, row.tenant, said).await? {
            true => Ok(()),
            false => Err(Refused::not_found("device")),
        }
    }

    /// Puts serial numbers on a tenant's list, where they are kept as hashes; gives how many were not there yet.
    pub(crate) async fn pre_enroll(&self, caller: &Caller, tenant: &str, serials: &[String]) -> Result<u64> {
        caller.may(Scope::Tokens)?;
        caller.may_for(Some(tenant))?;
        if tenant.is_empty() || name(tenant) != tenant {
            return Err(Refused::bad_request("the list needs a tenant"));
        }
        if serials.len() > MAX_SERIALS {
            return Err(Refused::bad_request(format!("a list has at most {MAX_SERIALS} serial numbers")));
        }
        let hashes: Option<Vec<_>> = serials.iter().map(|serial| self.hashes.serial(serial)).collect();
        let hashes = hashes.ok_or_else(|| {
            Refused::bad_request("the service has no fingerprint-key-file, so it cannot compare serial numbers")
        })?;
        let hashes = hashes.iter().map(|hash| self.hashes.listed(tenant, hash)).collect();
        let listed = self.ledger.list_serials(tenant, hashes).await?;
        tracing::info!(key = caller.key_id, tenant, listed, "serial numbers were listed");
        Ok(listed)
    }

    /// The tenant's places: how many devices it has, and how many it may have.
    pub(crate) async fn places(&self, caller: &Caller, tenant: &str) -> Result<Places> {
        caller.may(Scope::Read)?;
        caller.may_for(Some(tenant))?;
        Ok(self.ledger.places(tenant).await?)
    }

    /// How many devices a tenant may have.
    pub(crate) const fn allocation(&self) -> Option<u32> {
        self.policy.allocation
    }
}
