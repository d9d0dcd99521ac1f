// Does a service of PAM take a password?

import Authentication
import CPAM

enum PAMCheck {
    static func verdict(service: String, user: String, password: String, host: String?) -> PasswordVerdict {
        // The texts live for the time of the call, which keeps none.
        let result = unsafe pointsman_pam_check(service, user, password, host)
        switch result {
        case PAM_SUCCESS: return .right
        case PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_PERM_DENIED, PAM_ACCT_EXPIRED, PAM_NEW_AUTHTOK_REQD, PAM_MAXTRIES,
            PAM_CRED_INSUFFICIENT:
            return .wrong
        default:
            return .failed(unsafe String(cString: pam_strerror(nil, result)))
        }
    }
}
