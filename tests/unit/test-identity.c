/* Identity keys: the signatures of RFC 8032, and a key file that is guarded, whole and never silently another
 * key. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "crypto/identity.h"
#include "crypto/secret-file.h"

struct place {
    char directory[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    make_temporary_directory(place->directory, sizeof place->directory);
    snprintf(place->path, sizeof place->path, "%s/peer.key", place->directory);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    unlink(place->path);
    int result = rmdir(place->directory);
    free(place);
    return result;
}

static void write_file(const char *path, const char *bytes, size_t length, mode_t mode)
{
    /* A new file each time: some file systems flush one that was cut to nothing and written again. */
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    assert_int_equal(strlen(hex), size * 2);
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + i * 2, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
}

/* RFC 8032 section 7.1, tests 1 to 3. */
static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *public_key, *message, *signature;
    } vectors[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
         "387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t seed[ARCI_SEED_SIZE], key[ARCI_KEY_SIZE], wanted[ARCI_SIGNATURE_SIZE];
        uint8_t message[2], signature[ARCI_SIGNATURE_SIZE], back[ARCI_SEED_SIZE];
        size_t length = strlen(vectors[i].message) / 2;
        from_hex(vectors[i].seed, seed, sizeof seed);
        from_hex(vectors[i].public_key, key, sizeof key);
        from_hex(vectors[i].message, message, length);
        from_hex(vectors[i].signature, wanted, sizeof wanted);
        struct arctic_error error = {0};
        ARCI_IDENTITY *identity = NULL;
        assert_ok(arci_identity_from_seed(seed, &identity, &error), error);
        assert_memory_equal(arci_identity_public_key(identity), key, sizeof key);
        assert_ok(arci_identity_sign(identity, message, length, signature, &error), error);
        assert_memory_equal(signature, wanted, sizeof wanted);
        assert_ok(arci_signature_verify(key, message, length, signature, &error), error);
        assert_ok(arci_identity_seed(identity, back, &error), error);
        assert_memory_equal(back, seed, sizeof seed);
    }
}

static void test_tampered_signatures_are_refused(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    ARCI_IDENTITY *identity = NULL;
    ARCI_IDENTITY *other = NULL;
    assert_ok(arci_identity_generate(&identity, &error), error);
    assert_ok(arci_identity_generate(&other, &error), error);
    uint8_t message[] = "take route 7 away";
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    assert_ok(arci_identity_sign(identity, message, sizeof message, signature, &error), error);
    const uint8_t *key = arci_identity_public_key(identity);
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        assert_int_equal(arci_signature_verify(key, message, sizeof message, signature, &error),
                         ARCTIC_E_UNAUTHORIZED);
        signature[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] ^= 0x80;
        assert_int_equal(arci_signature_verify(key, message, sizeof message, signature, NULL),
                         ARCTIC_E_UNAUTHORIZED);
        message[i] ^= 0x80;
    }
    assert_int_equal(
        arci_signature_verify(arci_identity_public_key(other), message, sizeof message, signature, &error),
        ARCTIC_E_UNAUTHORIZED);
    assert_string_equal(error.message, "the signature does not match the key");
}

static void test_file_round_trip(void **state)
{
    struct place *place = *state;
    struct arctic_error error = {0};
    /* Twice: the second file replaces the first. */
    for (int i = 0; i < 2; i++) {
        ARCI_IDENTITY *identity = NULL;
        ARCI_IDENTITY *loaded = NULL;
        struct stat status;
        assert_ok(arci_identity_generate(&identity, &error), error);
        assert_ok(arci_identity_save(identity, place->path, &error), error);
        assert_int_equal(stat(place->path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_ok(arci_identity_load(place->path, &loaded, &error), error);
        assert_memory_equal(arci_identity_public_key(loaded), arci_identity_public_key(identity),
                            ARCI_KEY_SIZE);
    }
    /* remove_place() fails where a temporary file was left. */
}

static void test_file_left_by_a_crash_is_replaced(void **state)
{
    struct place *place = *state;
    struct arctic_error error = {0};
    char left[112];
    snprintf(left, sizeof left, "%s.new", place->path);
    write_file(left, "half a k", 8, 0644);
    ARCI_IDENTITY *identity = NULL;
    ARCI_IDENTITY *loaded = NULL;
    assert_ok(arci_identity_generate(&identity, &error), error);
    assert_ok(arci_identity_save(identity, place->path, &error), error);
    assert_ok(arci_identity_load(place->path, &loaded, &error), error);
}

static void test_file_that_others_can_read_is_refused(void **state)
{
    struct place *place = *state;
    struct arctic_error error = {0};
    ARCI_IDENTITY *identity = NULL;
    assert_ok(arci_identity_generate(&identity, &error), error);
    assert_ok(arci_identity_save(identity, place->path, &error), error);
    static const mode_t open_modes[] = {0640, 0604, 0620, 0601, 0644};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        ARCI_IDENTITY *loaded = NULL;
        assert_int_equal(chmod(place->path, open_modes[i]), 0);
        assert_int_equal(arci_identity_load(place->path, &loaded, &error), ARCTIC_E_FORBIDDEN);
        assert_null(loaded);
        assert_non_null(strstr(error.message, place->path));
        assert_non_null(strstr(error.message, "chmod 600"));
    }
}

static void test_missing_and_strange_files(void **state)
{
    struct place *place = *state;
    struct arctic_error error = {0};
    ARCI_IDENTITY *loaded = NULL;
    assert_int_equal(arci_identity_load(place->path, &loaded, &error), ARCTIC_E_NOT_FOUND);
    assert_int_equal(arci_identity_load(place->directory, &loaded, &error), ARCTIC_E_CORRUPT);
    assert_int_equal(mkfifo(place->path, 0600), 0);
    assert_int_equal(arci_identity_load(place->path, &loaded, &error), ARCTIC_E_CORRUPT);
    unlink(place->path);
    char large[8192];
    memset(large, 'A', sizeof large);
    write_file(place->path, large, sizeof large, 0600);
    assert_int_equal(arci_identity_load(place->path, &loaded, &error), ARCTIC_E_LIMIT);
    write_file(place->path, "", 0, 0600);
    assert_int_equal(arci_identity_load(place->path, &loaded, &error), ARCTIC_E_CORRUPT);
    assert_non_null(strstr(error.message, "is damaged, restore it from a backup"));
    assert_null(loaded);
}

/* A damaged file is refused, or means the same key still (a changed line end); it never becomes another
 * identity. */
static void assert_refused_or_same(const char *path, const struct arci_identity *identity)
{
    struct arctic_error error = {0};
    ARCI_IDENTITY *loaded = NULL;
    int code = arci_identity_load(path, &loaded, &error);
    if (code == ARCTIC_OK)
        assert_memory_equal(arci_identity_public_key(loaded), arci_identity_public_key(identity),
                            ARCI_KEY_SIZE);
    else
        assert_int_equal(code, ARCTIC_E_CORRUPT);
}

static void test_damaged_file_is_never_another_identity(void **state)
{
    struct place *place = *state;
    struct arctic_error error = {0};
    ARCI_IDENTITY *identity = NULL;
    assert_ok(arci_identity_generate(&identity, &error), error);
    assert_ok(arci_identity_save(identity, place->path, &error), error);
    char *text = NULL;
    size_t length;
    assert_ok(arci_secret_file_read(place->path, 4096, &text, &length, &error), error);
    for (size_t i = 0; i < length; i++) {
        static const char flips[] = {1, 2, 0x20};
        for (size_t flip = 0; flip < sizeof flips; flip++) {
            text[i] = (char)(text[i] ^ flips[flip]);
            write_file(place->path, text, length, 0600);
            assert_refused_or_same(place->path, identity);
            text[i] = (char)(text[i] ^ flips[flip]);
        }
        write_file(place->path, text, i, 0600);
        assert_refused_or_same(place->path, identity);
    }
    arci_free_secret(text);
}

static void test_other_kinds_of_key_are_refused(void **state)
{
    (void)state;
    /* openssl genpkey -algorithm X25519 */
    static const char x25519[] = "-----BEGIN PRIVATE KEY-----\n"
                                 "MC4CAQAwBQYDK2VuBCIEIHgHbQpzGKV9qLCR6JPR7fFbHsqL3g8qYbkWJJ3KXJtq\n"
                                 "-----END PRIVATE KEY-----\n";
    struct arctic_error error = {0};
    ARCI_IDENTITY *identity = NULL;
    assert_int_equal(arci_identity_from_pem(x25519, sizeof x25519 - 1, &identity, &error), ARCTIC_E_CORRUPT);
    assert_string_equal(error.message, "the private key is of type X25519, expected Ed25519");
    assert_null(identity);
}

static void test_pem_round_trip(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    ARCI_IDENTITY *identity = NULL;
    ARCI_IDENTITY *back = NULL;
    char *pem = NULL;
    assert_ok(arci_identity_generate(&identity, &error), error);
    assert_ok(arci_identity_to_pem(identity, &pem, &error), error);
    assert_ok(arci_identity_from_pem(pem, strlen(pem), &back, &error), error);
    assert_memory_equal(arci_identity_public_key(back), arci_identity_public_key(identity), ARCI_KEY_SIZE);
    arci_free_secret(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_tampered_signatures_are_refused),
        cmocka_unit_test_setup_teardown(test_file_round_trip, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_file_left_by_a_crash_is_replaced, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_file_that_others_can_read_is_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_missing_and_strange_files, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_damaged_file_is_never_another_identity, make_place,
                                        remove_place),
        cmocka_unit_test(test_other_kinds_of_key_are_refused),
        cmocka_unit_test(test_pem_round_trip),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
