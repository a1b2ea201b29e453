// What pages do in a browser: both themes on all of them; on the dashboard live
// figures, search and keys. Everything works without, but for these.
"use strict";

// What the reader chose; browsers may forbid to keep it.
const kept = (() => { try { return window.localStorage; } catch { return {}; } })();
const brief = (() => { try { return window.sessionStorage; } catch { return {}; } })();

// The theme is set before the page is drawn, so this script is not deferred.
const theme = {
	names: ["automatic", "dark", "light"],
	get now() { return theme.names.includes(kept.theme) ? kept.theme : "automatic"; },
	set now(name) { kept.theme = name; theme.show(); },
	show() {
		document.documentElement.dataset.theme = theme.now;
		const button = document.getElementById("theme");
		if (!button) return;
		button.title = `Theme: ${theme.now}`;
		button.setAttribute("aria-label", button.title);
	},
	next() { theme.now = theme.names[(theme.names.indexOf(theme.now) + 1) % theme.names.length]; },
};
theme.show();

// live keeps the dashboard current: texts and paths come as JSON over one event
// stream and replace those of the elements that name them in data-live. When
// what the page consists of changes, it is loaded anew.
const live = () => {
	const badge = document.getElementById("live"), button = document.getElementById("pause"), status = document.getElementById("status");
	if (!badge) return;
	const staleAfter = 3500; // milliseconds without a message, of which one comes every second
	let source, shape = badge.dataset.shape, heard = 0, at = "", paused = false;

	const apply = (name, value) => {
		for (const element of document.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) {
			const attribute = element.dataset.attribute;
			if (attribute) element.setAttribute(attribute, value);
			else if (element.textContent !== value) element.textContent = value;
		}
	};

	// announce says a verdict that has changed, also over a reload of the page.
	const announce = (verdict) => {
		if (brief.verdict !== undefined && brief.verdict !== verdict) status.textContent = verdict;
		brief.verdict = verdict;
	};

	const receive = (event) => {
		const message = JSON.parse(event.data);
		heard = Date.now();
		at = message.at;
		if (message.shape !== shape) return location.reload();
		for (const [name, value] of Object.entries(message.values)) apply(name, value);
		if (message.values.verdict !== undefined) announce(message.values.verdict);
		show();
	};

	const show = () => {
		const silent = Date.now() - heard;
		const stale = !paused && silent > staleAfter;
		document.body.classList.toggle("stale", stale);
		badge.textContent = paused ? `paused · ${at}` : stale ? `stale ${Math.floor(silent / 1000)} s` : `live · ${at}`;
	};

	const open = () => {
		heard ||= Date.now();
		source = new EventSource("/api/v1/live");
		source.onmessage = receive;
		// Closed for good (an answer that is no stream): ask again later.
		source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(reopen, 2000); };
	};
	const reopen = () => { source?.close(); if (!document.hidden && !paused) open(); };

	button.onclick = () => {
		paused = !paused;
		button.textContent = paused ? "Resume" : "Pause";
		reopen();
		show();
	};
	document.addEventListener("visibilitychange", reopen);
	setInterval(() => { if (!document.hidden) show(); }, 1000);
	open();
};

// search leaves the services that have all words of a text in their name,
// description, addresses, state or group.
const search = () => {
	const field = document.getElementById("search"), found = document.getElementById("found");
	if (!field) return;
	const bodies = [...document.querySelectorAll(".services tbody")];
	const rows = bodies.flatMap((body) => [...body.querySelectorAll("tr:not(.group)")]);
	const textOf = (row) => [".at-state", ".at-name"].map((cell) => row.querySelector(cell).textContent)
		.concat(row.parentElement.querySelector(".group")?.textContent ?? "").join(" ").toLowerCase();

	const filter = () => {
		const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
		for (const row of rows) row.hidden = !words.every((word) => textOf(row).includes(word));
		for (const body of bodies) body.hidden = !body.querySelector("tr:not(.group):not([hidden])");
		const count = rows.filter((row) => !row.hidden).length;
		found.textContent = words.length ? `${count} of ${rows.length} services` : "";
		brief.search = field.value;
	};
	const links = () => rows.filter((row) => !row.hidden).map((row) => row.querySelector("a.name"));

	field.value = brief.search ?? ""; // of before the page was loaded anew
	field.oninput = filter;
	field.onkeydown = (event) => {
		if (event.key === "Escape") { field.value = ""; filter(); field.blur(); }
		if (event.key === "Enter") links()[0]?.click();
	};
	filter();

	// Keys of one letter can be switched off: they disturb who speaks to the browser.
	const keys = document.getElementById("keys");
	keys.checked = kept.keys !== "off";
	keys.onchange = () => { kept.keys = keys.checked ? "on" : "off"; };
	document.addEventListener("keydown", (event) => {
		if (!keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
		if (event.key === "/") {
			event.preventDefault();
			field.focus();
			return;
		}
		const step = { j: 1, k: -1 }[event.key];
		if (!step) return;
		const all = links(), at = all.indexOf(document.activeElement);
		all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)]?.focus();
	});
};

document.addEventListener("DOMContentLoaded", () => {
	theme.show();
	document.getElementById("theme").onclick = theme.next;
	live();
	search();
});
