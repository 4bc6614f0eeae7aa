//! A facilitator of x402-facilitator-local for one chain: `RPC_URL=… CHAIN_ID=… FACILITATOR_KEY=0x… facilitator`. exact in both versions,
//! and upto.

use std::{collections::HashMap, error::Error, sync::Arc};

use axum::Router;
use farthing_peers::{Outcome, serve, variable};
use serde_json::{Value, json};
use x402_chain_eip155::{
    V1Eip155Exact, V2Eip155Exact, V2Eip155Upto,
    chain::{Eip155ChainProvider, Eip155ChainReference, config::Eip155ChainConfig},
};
use x402_facilitator_local::{FacilitatorLocal, handlers};
use x402_types::{
    chain::{ChainId, ChainProviderOps, ChainRegistry, FromConfig},
    scheme::{SchemeBlueprints, SchemeRegistry, X402SchemeFacilitator, X402SchemeFacilitatorBuilder, X402SchemeId},
};

/// Schemes are built for a borrowed chain, but keep it: this one is shared.
struct Chain(Arc<Eip155ChainProvider>);

impl ChainProviderOps for Chain {
    fn signer_addresses(&self) -> Vec<String> {
        self.0.signer_addresses()
    }

    fn chain_id(&self) -> ChainId {
        self.0.chain_id()
    }
}

/// A scheme on such a chain.
struct On<S>(S);

impl<S: X402SchemeId> X402SchemeId for On<S> {
    fn x402_version(&self) -> u8 {
        self.0.x402_version()
    }

    fn namespace(&self) -> &str {
        self.0.namespace()
    }

    fn scheme(&self) -> &str {
        self.0.scheme()
    }
}

impl<S: X402SchemeFacilitatorBuilder<Arc<Eip155ChainProvider>>> X402SchemeFacilitatorBuilder<&Chain> for On<S> {
    fn build(&self, chain: &Chain, config: Option<Value>) -> Result<Box<dyn X402SchemeFacilitator>, Box<dyn Error>> {
        self.0.build(chain.0.clone(), config)
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let chain_reference = Eip155ChainReference::new(variable("CHAIN_ID")?.parse()?);
    let chain_id = chain_reference.as_chain_id();
    let config = Eip155ChainConfig {
        chain_reference,
        inner: serde_json::from_value(json!({ "signers": ["$FACILITATOR_KEY"], "rpc": [{ "http": variable("RPC_URL")? }] }))?,
    };
    let chain = Chain(Arc::new(Eip155ChainProvider::from_config(&config).await?));
    let schemes = SchemeBlueprints::new()
        .and_register(On(V1Eip155Exact))
        .and_register(On(V2Eip155Exact))
        .and_register(On(V2Eip155Upto));
    let wanted = serde_json::from_value(json!([
        { "id": "v1-eip155-exact", "chains": "eip155:*" },
        { "id": "v2-eip155-exact", "chains": "eip155:*", "config": { "eip2612_gas_sponsoring": true } },
        { "id": "v2-eip155-upto", "chains": "eip155:*", "config": { "eip2612_gas_sponsoring": true } },
    ]))?;
    let registry = SchemeRegistry::build(ChainRegistry::new(HashMap::from([(chain_id, chain)])), schemes, &wanted);
    let facilitator = Arc::new(FacilitatorLocal::new(registry));
    serve(Router::new().merge(handlers::routes().with_state(facilitator))).await
}
