//! Many workers of several keys take from one tenant's budget at the same time.

use std::sync::atomic::{AtomicBool, Ordering};

use ditto_ledger::{Claim, Limits, Policy, Reply, Rows, Terms, exchange};

use super::*;

const WORKERS: u64 = 12;
const KEYS: u64 = 3;
const CLAIMS: u64 = 25;
/// Less than the workers want in all.
const TENANT_TOKENS: u64 = 1_000;
const NOW_MS: u64 = 1_000_000;

pub(super) async fn one_store_is_shared_by_many_workers(store: &dyn LedgerStore) {
    workers_share_a_budget(&[store]).await;
}

/// Lets workers do random exchanges through `stores`, which are all on the same books, and looks on: in each account,
/// what is spent and held stays within the limit, and the tenant's numbers are the sums of its keys'. In the end, the
/// accounts hold nothing and say what the workers say.
pub(crate) async fn workers_share_a_budget(stores: &[&dyn LedgerStore]) {
    let epoch = stores[0].identity().await.unwrap().epoch;
    let runtime = tokio::runtime::Handle::current();
    let done = AtomicBool::new(false);
    let look_on = async {
        let mut looks = 0;
        while !done.load(Ordering::SeqCst) || looks == 0 {
            check(stores[looks % stores.len()]).await;
            looks += 1;
        }
    };
    let (epoch, runtime) = (&epoch, &runtime);
    let spent: Vec<u64> = std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(look_on));
        let workers = (0..WORKERS).map(|worker| {
            let store = stores[worker as usize % stores.len()];
            scope.spawn(move || runtime.block_on(work(store, epoch, worker)))
        });
        let workers: Vec<_> = workers.collect();
        let spent = workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>();
        done.store(true, Ordering::SeqCst);
        spent.into_iter().map(|spent| spent.expect("a worker failed")).collect()
    });

    let (tenant, keys) = check(stores[0]).await;
    let total: u64 = spent.iter().sum();
    assert_eq!(tenant.spent.tokens, total);
    assert!(total > 0 && tenant.held == Amounts::default(), "{tenant:?}");
    for (key, account) in keys.iter().enumerate() {
        let of_key: u64 = spent.iter().skip(key).step_by(KEYS as usize).sum();
        assert_eq!((account.spent.tokens, account.held.tokens), (of_key, 0));
    }
    assert_eq!(stores[0].count_leases().await.unwrap(), 0);
}

fn key_account(key: u64) -> String {
    format!("key:{key}")
}

fn terms(key: u64) -> Terms {
    let limited = Limits { tokens: Some(TENANT_TOKENS), ..Limits::default() };
    let key = (key_account(key), Limits { tokens: Some(TENANT_TOKENS / 2), ..Limits::default() });
    Terms { accounts: vec![key, ("tenant:t".into(), limited)] }
}

/// The tenant's account and those of its keys, as they are at one moment.
async fn check(store: &dyn LedgerStore) -> (Account, Vec<Account>) {
    let names: Vec<String> = std::iter::once("tenant:t".to_owned()).chain((0..KEYS).map(key_account)).collect();
    let rows = store.read_accounts(&names).await.unwrap();
    let mut rows = rows.into_iter().map(Option::unwrap_or_default);
    let (tenant, keys) = (rows.next().unwrap(), rows.collect::<Vec<_>>());
    let used = |account: &Account| account.spent.plus(&account.held).tokens;
    assert!(used(&tenant) <= TENANT_TOKENS, "{tenant:?}");
    assert!(keys.iter().all(|key| used(key) <= TENANT_TOKENS / 2), "{keys:?}");
    assert_eq!(tenant.spent.tokens, keys.iter().map(|key| key.spent.tokens).sum::<u64>());
    assert_eq!(tenant.held.tokens, keys.iter().map(|key| key.held.tokens).sum::<u64>());
    (tenant, keys)
}

/// One worker's life; returns what it spent.
async fn work(store: &dyn LedgerStore, epoch: &str, worker: u64) -> u64 {
    let key = worker % KEYS;
    let mut random = worker.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let tokens = |tokens| Amounts { tokens, ..Amounts::default() };
    let mut claim = Claim { lease: format!("w{worker}/1"), key_id: key.to_string(), ..Claim::default() };
    for _ in 0..CLAIMS {
        claim.least = tokens(below(20));
        claim.want = claim.least.plus(&tokens(below(30)));
        let reply = claim_at(store, epoch, &terms(key), &claim).await;
        claim.granted = reply.granted;
        let idle = claim.granted.minus(&claim.spent.plus(&claim.returned)).tokens;
        let spent = below(idle + 1);
        claim.spent = claim.spent.plus(&tokens(spent));
        claim.returned = claim.returned.plus(&tokens(below(idle - spent + 1)));
    }
    (claim.least, claim.want) = Default::default();
    claim.returned = claim.granted.minus(&claim.spent);
    claim_at(store, epoch, &terms(key), &claim).await;
    claim.last = true;
    claim_at(store, epoch, &terms(key), &claim).await;
    claim.spent.tokens
}

/// One claim, in one step that learns only from the lease which accounts it needs.
async fn claim_at(store: &dyn LedgerStore, epoch: &str, terms: &Terms, claim: &Claim) -> Reply {
    let mut reply = Reply::default();
    let step = &mut |table: &mut Table| {
        let lease = table.leases[&claim.lease].clone();
        let names = terms.names().into_iter().chain(lease.iter().flat_map(|lease| lease.accounts.clone()));
        let missing: BTreeSet<String> = names.filter(|name| !table.accounts.contains_key(name)).collect();
        if !missing.is_empty() {
            return Err(Keys { accounts: missing, ..Keys::default() });
        }
        let accounts = table.accounts.iter().filter_map(|(name, row)| Some((name.clone(), row.clone()?)));
        let mut rows = Rows { lease, accounts: accounts.collect() };
        reply = exchange(&mut rows, Some(terms), claim, NOW_MS, &Policy::default());
        table.leases.insert(claim.lease.clone(), rows.lease);
        table.accounts.extend(rows.accounts.into_iter().map(|(name, account)| (name, Some(account))));
        Ok(())
    };
    store.transact(epoch, Keys { leases: set(&[&claim.lease]), ..Keys::default() }, step).await.unwrap();
    reply
}
