//! The fleet's account with its CA: made once, kept in the store, and given a new key when an admin says so.

use instant_acme::{Account, Error, ExternalAccountKey, NewAccount};
use keyvalues::Write;

use super::{
    client::CaClient,
    step::{Stop, commit},
};
use crate::control::shared::{
    acme::{
        options::AcmeOptions,
        stored::{ACCOUNT_KEY, StoredAccount},
    },
    core::Core,
    entries::{as_read, decode, encode, own_key},
};

/// What a CA says of an account that it does not have (RFC 8555 section 6.7).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// The account with the CA of the options; makes one if there is none.
pub async fn account(core: &Core, options: &AcmeOptions) -> Result<Account, Stop> {
    let _opening = core.acme.opening.lock().await;
    let builder = Account::builder_with_http(Box::new(CaClient::new(options)?));
    let entry = core.store.get(&own_key(ACCOUNT_KEY)).await.map_err(|error| error.to_string())?;
    if let Some(why) = core.secrets.seals.unreadable(ACCOUNT_KEY) {
        return Err(format!("the account in the store cannot be read: {why}").into());
    }
    let known = entry.as_ref().and_then(|entry| decode::<StoredAccount>(&entry.value));
    if let Some(known) = known.filter(|known| known.directory == options.directory) {
        let credentials = serde_json::from_value(known.credentials);
        let credentials = credentials.map_err(|_| "the stored account cannot be read".to_owned())?;
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<String> = options.contact.iter().map(|mail| format!("mailto:{mail}")).collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let external = options.external_account.as_ref();
    let external = external.map(|(id, key)| ExternalAccountKey::new(id.clone(), key));
    let (account, credentials) =
        builder.create(&wanted, options.directory.clone(), external.as_ref()).await?;
    let stored = stored(options, &credentials)?;
    let write = Write::put(own_key(ACCOUNT_KEY), encode(&stored));
    commit(core, vec![as_read(entry.as_ref(), ACCOUNT_KEY)], vec![write]).await?;
    tracing::info!(directory = options.directory, "an account with the CA was made");
    Ok(account)
}

fn stored(
    options: &AcmeOptions,
    credentials: &instant_acme::AccountCredentials,
) -> Result<StoredAccount, Stop> {
    let credentials = serde_json::to_value(credentials).map_err(|error| error.to_string())?;
    Ok(StoredAccount { directory: options.directory.clone(), credentials })
}

/// Gives the account a new key (RFC 8555 section 7.3.5). Should the store not take it, the CA knows no other any more, and the
/// next order makes a new account.
pub async fn roll_key(core: &Core, options: &AcmeOptions) -> Result<(), Stop> {
    let mut account = account(core, options).await?;
    let entry = core.store.get(&own_key(ACCOUNT_KEY)).await.map_err(|error| error.to_string())?;
    let stored = stored(options, &account.update_key().await?)?;
    let write = Write::put(own_key(ACCOUNT_KEY), encode(&stored));
    commit(core, vec![as_read(entry.as_ref(), ACCOUNT_KEY)], vec![write]).await.map(drop)
}

/// Forgets an account that the CA does not have any more, so that the next order makes a new one.
pub async fn forget_if_unknown(core: &Core, error: &Error) {
    let Error::Api(problem) = error else { return };
    if problem.r#type.as_deref() != Some(UNKNOWN_ACCOUNT) {
        return;
    }
    if let Ok(Some(entry)) = core.store.get(&own_key(ACCOUNT_KEY)).await {
        tracing::warn!("the CA does not have the account any more; another one will be made");
        let check = as_read(Some(&entry), ACCOUNT_KEY);
        let _ = commit(core, vec![check], vec![Write::delete(own_key(ACCOUNT_KEY))]).await;
    }
}
