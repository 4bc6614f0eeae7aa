//! What the programs share: variables of the environment, and an address to listen on.

use std::error::Error;

/// Whatever went wrong; a program prints it and ends.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A variable of the environment, which has to be there.
pub fn variable(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

/// Serves on a free port of 127.0.0.1, and says which on standard output: `listening http://127.0.0.1:PORT`.
pub async fn serve(app: axum::Router) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
