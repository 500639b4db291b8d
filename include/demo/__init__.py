"""A photo-sharing service for animal pictures: simulated events with taste and drift, and faults to practise on."""
