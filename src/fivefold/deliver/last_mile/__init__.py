"""From the delivery station to the door and back: routes, their day, what drivers know."""
