/* Every Kubernetes decoder, the texts made of objects, and the exec plugin's answer. */
#include "core/sources/kube_auth.h"
#include "core/sources/kube_decode.h"
#include "core/sources/kube_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json_span doc;
    struct exec_credential c;
    struct kube_usage u;
    if (exec_credential_decode((const char *)data, n, "client.authentication.k8s.io/v1", &c, NULL) == ERR_OK)
        exec_credential_release(&c);
    if (json_check((const char *)data, n, &doc, NULL))
        return 0;
    for (int k = 0; k < N_KINDS; k++) {
        struct kube_object *o = NULL;
        if (kube_decode((enum kube_kind)k, doc, &o, NULL) == ERR_OK)
            kube_object_free(o);
    }
    (void)!kube_decode_usage(doc, &u, NULL);
    struct lines yaml = { 0 }, words = { 0 }, diff = { 0 };
    kube_text_yaml(&yaml, doc);
    kube_text_describe(&words, doc, 0);
    kube_text_events(&words, doc, 0);
    kube_text_diff(&diff, &yaml, &words);
    lines_release(&yaml);
    lines_release(&words);
    lines_release(&diff);
    return 0;
}
