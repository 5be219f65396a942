// Begins what the page shows: signs in, and then runs a session until it ends.
//
// The browser keeps the session in a cookie that no script can read. The page itself keeps neither that nor a token.

import { createApi } from './api.js';
import { signInPage } from './pages/sign-in.js';
import { startSession } from './session.js';
import { applyTheme } from './theme.js';

const root = document.getElementById('root');

const start = (who) => startSession({ root, who, onEnd: showSignIn });

function showSignIn(reason) {
	const page = signInPage({ reason, onSignedIn: start });
	root.replaceChildren(page.element);
	document.title = 'Sign in · rolling-router';
	page.focus();
}

/** A router that has just started does not know its sessions yet, and says so. */
async function begin(attempt = 0) {
	try {
		const { who } = await createApi().getSession();
		if (who) start(who);
		else showSignIn();
	} catch (refusal) {
		if (refusal.status === 503 && attempt < 10) setTimeout(begin, 1000, attempt + 1);
		else showSignIn(refusal.message);
	}
}

applyTheme();
begin();
