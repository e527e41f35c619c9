#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <postgresql/libpq-fe.h>

#include "connect/connect_error.h"

static void
every_failure_has_its_cause_and_code(void **state)
{
	static const struct {
		const char *text, *message, *sqlstate, *hint;
		enum tide_code code;
	} cases[] = {
		{ "connection to server at \"h\", port 1 failed: Connection refused\n\tIs the server "
		  "running?\n",
		    "cannot connect to W: Connection refused", "", "nothing listens", TIDE_UNREACHABLE },
		{ "connection to server at \"h\" (10.0.0.1), port 1 failed: FATAL:  28P01: password "
		  "authentication failed for user \"u\"\nLOCATION:  auth_failed, auth.c:335\n",
		    "cannot connect to W: FATAL: password authentication failed for user \"u\"", "28P01",
		    "password", TIDE_USAGE },
		{ "connection to server at \"h\", port 1 failed: FATAL:  57P03: the database system is "
		  "starting up\n",
		    "cannot connect to W: FATAL: the database system is starting up", "57P03", "starting",
		    TIDE_UNREACHABLE },
		{ "connection to server at \"h\", port 1 failed: FATAL:  3D000: database \"Connection "
		  "refused\" does not exist\n",
		    "cannot connect to W: FATAL: database \"Connection refused\" does not exist", "3D000",
		    "no such database", TIDE_USAGE },
		{ "connection to server at \"h\", port 1 failed: FATAL:  28000: no pg_hba.conf entry for "
		  "host \"x\", no encryption\n",
		    "cannot connect to W: FATAL: no pg_hba.conf entry for host \"x\", no encryption", "28000",
		    "sslmode=require", TIDE_USAGE },
		{ "connection to server at \"h\", port 1 failed: FATAL:  XX000: odd\n",
		    "cannot connect to W: FATAL: odd", "XX000", "", TIDE_UNEXPECTED },
		{ "connection to server at \"a\", port 1 failed: Connection refused\n"
		  "connection to server at \"b\", port 1 failed: FATAL:  28P01: no\n",
		    "cannot connect to W: connection to server at \"a\", port 1 failed: Connection refused "
		    "connection to server at \"b\", port 1 failed: FATAL: no",
		    "28P01", "password", TIDE_USAGE },
		{ "connection to server at \"h\", port 1 failed: server does not support SSL, but SSL was "
		  "required\n",
		    "cannot connect to W: server does not support SSL, but SSL was required", "", "no TLS",
		    TIDE_USAGE },
		{ "connection to server at \"h\", port 1 failed: SSL error: certificate verify failed\n",
		    "cannot connect to W: SSL error: certificate verify failed", "", "certificate",
		    TIDE_USAGE },
		{ "could not translate host name \"h\" to address: Name or service not known\n",
		    "cannot connect to W: could not translate host name \"h\" to address: Name or service "
		    "not known",
		    "", "host name", TIDE_UNREACHABLE },
		{ "timeout expired", "cannot connect to W: timeout expired", "", "firewall",
		    TIDE_UNREACHABLE },
		{ "something else with password=hunter2",
		    "cannot connect to W: something else with password=***", "", "running",
		    TIDE_UNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tide_err err = { 0 };

		assert_false(tide_connect_fail(&err, "W", cases[i].text));
		assert_string_equal(err.message, cases[i].message);
		assert_string_equal(err.sqlstate, cases[i].sqlstate);
		if (strstr(err.hint, cases[i].hint) == NULL)
			fail_msg("hint '%s' without '%s'", err.hint, cases[i].hint);
		if (err.code != cases[i].code)
			fail_msg("%s is %s", cases[i].text, tide_code_name(err.code));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failure_has_its_cause_and_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
