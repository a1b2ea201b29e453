// Keeps the dashboard current: texts and paths come as JSON over one event
// stream and replace those of the elements that name them in data-live. When
// what the page consists of changes, it is loaded anew.
"use strict";
(() => {
	const badge = document.getElementById("live");
	const staleAfter = 5000; // milliseconds without a message
	let source, shape, heard = 0, at = "";

	const apply = (name, value) => {
		for (const element of document.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) {
			const attribute = element.dataset.attribute;
			if (attribute) element.setAttribute(attribute, value);
			else if (element.textContent !== value) element.textContent = value;
		}
	};

	const receive = (event) => {
		const message = JSON.parse(event.data);
		heard = Date.now();
		at = message.at;
		if (shape !== undefined && message.shape !== shape) return location.reload();
		shape = message.shape;
		for (const [name, value] of Object.entries(message.values)) apply(name, value);
		show();
	};

	const show = () => {
		const silent = Date.now() - heard;
		const stale = silent > staleAfter;
		document.body.classList.toggle("stale", stale);
		badge.textContent = stale ? `stale ${Math.floor(silent / 1000)} s` : `live · ${at}`;
		badge.hidden = heard === 0;
	};

	const open = () => {
		heard ||= Date.now();
		source = new EventSource("/api/v1/live");
		source.onmessage = receive;
		// Closed for good (an answer that is no stream): ask again later.
		source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(reopen, 2000); };
	};
	const reopen = () => { source?.close(); if (!document.hidden) open(); };

	document.addEventListener("visibilitychange", reopen);
	setInterval(() => { if (!document.hidden) show(); }, 1000);
	shape = badge.dataset.shape;
	open();
})();
