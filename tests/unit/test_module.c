/* pam_tazpod.so as an application gets it: it loads with every symbol resolved, and shows six functions. */
#include "unit.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

static const char *const entries[] = {
	"pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_chauthtok", "pam_sm_close_session", "pam_sm_open_session",
	"pam_sm_setcred",
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static bool is_entry(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (strcmp(entries[i], name) == 0)
			return true;
	return false;
}

struct module {
	const uint8_t *data;
	size_t size;
};

static struct module map_module(void)
{
	struct module module;
	struct stat st;
	int fd = open(TEST_MODULE, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	module.size = (size_t)st.st_size;
	module.data = mmap(NULL, module.size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(module.data != MAP_FAILED);
	assert_int_equal(close(fd), 0);
	return module;
}

static const void *at(const struct module *module, uint64_t offset, uint64_t size)
{
	assert_true(offset <= module->size && size <= module->size - offset);
	return module->data + offset;
}

static const ElfW(Shdr) *find_section(const struct module *module, uint32_t type)
{
	const ElfW(Ehdr) *header = at(module, 0, sizeof(*header));
	const ElfW(Shdr) *sections = at(module, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	unsigned int found = 0;

	assert_memory_equal(header->e_ident, ELFMAG, SELFMAG);
	while (sections[found].sh_type != type) {
		found++;
		assert_true(found < header->e_shnum);
	}
	return &sections[found];
}

static void it_exports_its_entries_and_nothing_else(void **state)
{
	struct module module = map_module();
	const ElfW(Ehdr) *header = at(&module, 0, sizeof(*header));
	const ElfW(Shdr) *sections = at(&module, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	const ElfW(Shdr) *table = find_section(&module, SHT_DYNSYM), *names = &sections[table->sh_link];
	const ElfW(Sym) *symbols = at(&module, table->sh_offset, table->sh_size);
	const char *texts = at(&module, names->sh_offset, names->sh_size);
	unsigned int exported = 0;

	(void)state;
	for (size_t i = 0; i < table->sh_size / sizeof(*symbols); i++) {
		const char *name = texts + symbols[i].st_name;

		if (symbols[i].st_shndx == SHN_UNDEF || (symbols[i].st_info >> 4) == STB_LOCAL)
			continue;
		if (!is_entry(name))
			fail_msg("%s is exported", name);
		assert_int_equal(symbols[i].st_info & 0xf, STT_FUNC);
		exported++;
	}
	assert_int_equal(exported, ENTRIES);
	assert_int_equal(munmap((void *)(uintptr_t)module.data, module.size), 0);
}

/* sshd and su load it, call it, and unload it. */
static void it_loads_and_unloads(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		void *handle = dlopen(TEST_MODULE, RTLD_NOW | RTLD_LOCAL);

		if (!handle)
			fail_msg("%s", dlerror());
		for (size_t i = 0; i < ENTRIES; i++)
			if (!dlsym(handle, entries[i]))
				fail_msg("%s", dlerror());
		assert_null(dlsym(handle, "tz_secret_alloc"));
		assert_int_equal(dlclose(handle), 0);
		assert_null(dlopen(TEST_MODULE, RTLD_NOW | RTLD_NOLOAD));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_exports_its_entries_and_nothing_else),
		cmocka_unit_test(it_loads_and_unloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
