#pragma once
#include <curl/curl.h>

/// Asks a URL once: no redirects, no proxies, no signals. The options are macros over a variadic function, which only C
/// can call.
///
/// - Parameters:
///   - authorities: a PEM file of those that are trusted; null: the system's.
///   - take: gets each part of the body; less than its size ends the transfer.
///   - status: gets the status of the answer.
///   - reason: has room for CURL_ERROR_SIZE bytes, and gets a sentence if the result is not CURLE_OK.
static inline CURLcode pointsman_get(
    const char *url, const char *authorities, long milliseconds, curl_write_callback take, void *context,
    long *status, char *reason) {
    CURL *transfer = curl_easy_init();
    if (!transfer) return CURLE_FAILED_INIT;
    reason[0] = 0;
    curl_easy_setopt(transfer, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(transfer, CURLOPT_URL, url);
    curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer, CURLOPT_PROXY, "");
    curl_easy_setopt(transfer, CURLOPT_TIMEOUT_MS, milliseconds);
    curl_easy_setopt(transfer, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(transfer, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (authorities) curl_easy_setopt(transfer, CURLOPT_CAINFO, authorities);
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(transfer, CURLOPT_WRITEDATA, context);
    CURLcode result = curl_easy_perform(transfer);
    curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(transfer);
    return result;
}
