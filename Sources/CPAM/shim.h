#pragma once
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

// Answers every question for a text that is not shown with the password, and refuses others.
static inline int pointsman_answer(
    int count, const struct pam_message **questions, struct pam_response **answers, void *password) {
    if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
    struct pam_response *all = calloc((size_t)count, sizeof *all);
    if (!all) return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        switch (questions[i]->msg_style) {
        case PAM_PROMPT_ECHO_OFF:
            all[i].resp = strdup(password);
            break;
        case PAM_ERROR_MSG:
        case PAM_TEXT_INFO:
            break;
        default:
            for (int j = 0; j < i; j++) free(all[j].resp);
            free(all);
            return PAM_CONV_ERR;
        }
    }
    // The library frees what it is given.
    *answers = all;
    return PAM_SUCCESS;
}

// Whether the service takes the password, and the account is in order; a PAM result.
static inline int pointsman_pam_check(const char *service, const char *user, const char *password, const char *host) {
    struct pam_conv conversation = {pointsman_answer, (void *)password};
    pam_handle_t *handle = NULL;
    int result = pam_start(service, user, &conversation, &handle);
    if (result != PAM_SUCCESS) return result;
    if (host) pam_set_item(handle, PAM_RHOST, host);
    result = pam_authenticate(handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (result == PAM_SUCCESS) result = pam_acct_mgmt(handle, PAM_SILENT);
    pam_end(handle, result);
    return result;
}
