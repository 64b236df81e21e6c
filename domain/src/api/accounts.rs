//! Signing in. The session is an HttpOnly cookie `jigline_session`; programs use a bearer token instead.

use crate::role::Role;

wire! {
    /// `POST /api/v1/session`: sets the cookie; 401 `wrong_credentials`. `DELETE` signs out, `GET` gives [`Me`] or 401.
    pub struct SignIn {
        pub username: String,
        pub password: String,
    }
}

wire! {
    /// Who is signed in.
    pub struct Me {
        pub username: String,
        pub role: Role,
    }
}

wire! {
    /// `POST /api/v1/tokens` (signed in): a bearer token for programs, with the rights of its maker. Shown once.
    pub struct NewToken {
        /// What it is for.
        pub label: String,
    }
}

wire! {
    pub struct IssuedToken {
        pub token: String,
    }
}
