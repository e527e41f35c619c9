#include "status_json.h"

#include "status_print.h"

static json_t *
settings_json(const struct tide_live_settings *settings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < settings->count; i++) {
		const struct tide_live_setting *s = &settings->item[i];

		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "key", tide_json_text(s->key), "value",
			      tide_json_text(s->value), "by", tide_json_text(s->set_by), "reason",
			      tide_json_text(s->reason), "since", tide_json_text(s->since), "until",
			      tide_json_text(s->until)));
	}
	return list;
}

json_t *
tide_json_status(const struct tide_run_status *s, const char *next)
{
	const struct tide_progress now = tide_status_progress(s);
	json_t *phases = json_array(), *lookup = json_null(),
	       *progress = now.blocks_total > 0 ? tide_json_progress(&now) : json_null();

	for (size_t i = 0; i < s->count; i++) {
		const struct tide_phase_status *p = &s->item[i];

		json_array_append_new(
		    phases, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (int)i + 1,
				"name", tide_json_text(p->name), "kind", tide_json_text(p->kind), "state",
				json_string(tide_phase_word(p->state)->word), "started",
				tide_json_text(p->started), "ended", tide_json_text(p->ended), "gate",
				tide_json_text(p->gate), "approved_by", tide_json_text(p->approved_by)));
	}
	if (s->unmatched >= 0)
		lookup = tide_json_lookup(s->unmatched, s->unmatched_key);
	return json_pack(
	    "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:I, "
	    "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "id", (json_int_t)s->id, "plan", tide_json_text(s->plan), "title", tide_json_text(s->title),
	    "table", tide_json_text(s->table), "hash", tide_json_text(s->hash), "state",
	    json_string(tide_run_word(s->state)->word), "wanted", json_string(tide_wanted_word(s->wanted)),
	    "direction", json_string(tide_direction_word(s->direction)), "reason", tide_json_text(s->reason),
	    "phase", tide_json_text(s->phase), "holder", tide_json_text(s->holder), "live", s->live,
	    "recurring", s->recurring, "heartbeat_age_seconds", tide_json_real(s->heartbeat_age), "created",
	    tide_json_text(s->created), "updated", tide_json_text(s->updated), "conflicts",
	    (json_int_t)s->conflicts, "lookup", lookup, "hold_until", tide_json_text(s->hold_until), "home",
	    tide_json_text(s->home), "away", tide_json_text(s->away), "progress", progress, "settings",
	    settings_json(&s->settings), "phases", phases, "next", tide_json_text(next));
}
