/*
 * A model of an nft table that reads the commands of ruleset.h as nft would: what exists, in which order it
 * may come and go, and what still refers to it. Anything that nft would refuse fails the test.
 */
#ifndef ARCTIC_TESTS_NFT_MODEL_H
#define ARCTIC_TESTS_NFT_MODEL_H

/* Rows of text: "map d4_8", "chain route4", "rule route4 ...", "element d4_8 10.0.0.0 : goto svc_...". */
struct nft_model {
    char **rows;
    size_t count;
};

void nft_model_run(struct nft_model *model, const char *commands);
void nft_model_release(struct nft_model *model);

/* Fails unless both hold the same; the order counts within the rules of a chain only. */
void nft_model_assert_equal(const struct nft_model *a, const struct nft_model *b);

size_t nft_model_count(const struct nft_model *model, const char *prefix);

#endif
